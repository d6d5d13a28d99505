#include "cli/live.h"
#include "base/os.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DRAW_EVERY_NS 100e6
enum { USUAL_COLUMNS = 80 };

rk_live rk_live_new(void)
{
    const char *terminal = getenv("TERM");
    return (rk_live){.on = isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0};
}

bool rk_live_due(const rk_live *l)
{
    return l->on && (double)rk_os_now_ns() - l->drawn_ns >= DRAW_EVERY_NS;
}

static size_t columns(void)
{
    struct winsize w = {0};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0) return w.ws_col;
    return USUAL_COLUMNS;
}

/* Bytes of as many characters as fit; UTF-8 sequences are whole. */
static size_t cut(const char *text, size_t width)
{
    size_t n = 0;
    for (size_t characters = 0; text[n]; n++) {
        characters += ((unsigned char)text[n] & 0xC0) != 0x80;
        if (characters > width) break;
    }
    return n;
}

void rk_live_draw(rk_live *l, const char *text)
{
    if (!l->on) return;
    /* One column stays free: a full line would wrap, and could not be erased. */
    fprintf(stderr, "\r%.*s\033[K", (int)cut(text, columns() - 1), text);
    fflush(stderr);
    l->drawn = true;
    l->drawn_ns = (double)rk_os_now_ns();
}

void rk_live_clear(rk_live *l)
{
    if (l->drawn) fprintf(stderr, "\r\033[K");
    fflush(stderr);
    l->drawn = false;
}

void rk_duration(double seconds, char out[RK_DURATION_CHARS])
{
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e12) {
        snprintf(out, RK_DURATION_CHARS, "?");
        return;
    }
    long long s = (long long)(seconds + 0.5), day = 24 * 3600;
    if (s < 3600)
        snprintf(out, RK_DURATION_CHARS, "%lld:%02lld", s / 60, s % 60);
    else if (s < day)
        snprintf(out, RK_DURATION_CHARS, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, RK_DURATION_CHARS, "%lld d %lld h", s / day, s % day / 3600);
}
