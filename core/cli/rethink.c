/* The executable: all of it is in librethink, where plugins find it too. */
#include "cli/cli.h"

int main(int argc, char **argv) { return rk_main(argc, argv); }
