/* live.h: one line at the bottom of a terminal that changes; and times as people read them. */
#ifndef RK_CLI_LIVE_H
#define RK_CLI_LIVE_H
#include <stdbool.h>
#include <stddef.h>

typedef struct rk_live {
    bool on;    /* stderr is a terminal that can erase a line */
    bool drawn; /* the line is there */
    double drawn_ns;
} rk_live;

rk_live rk_live_new(void);
/* True if the line may be drawn again: not too often, and only on a terminal. */
bool rk_live_due(const rk_live *l);
/* Replaces the line; a text wider than the terminal is cut. */
void rk_live_draw(rk_live *l, const char *text);
/* Removes it, so that another line may be printed. */
void rk_live_clear(rk_live *l);

enum { RK_DURATION_CHARS = 32 };
/* "0:07", "12:40", "3:05:00", "2 d 4 h"; "?" for a time that is not finite. */
void rk_duration(double seconds, char out[RK_DURATION_CHARS]);
#endif
