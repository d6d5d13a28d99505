"""Texts as C arrays: embed.py OUT.h OUT.c TEXT...  (arrays, since C limits string literals)"""
import os
import sys

header, source, *texts = sys.argv[1:]
with open(header, "w") as h, open(source, "w") as c:
    h.write("/* Made by embed.py. */\n#ifndef RETHINK_EMBEDDED_H\n#define RETHINK_EMBEDDED_H\n")
    c.write('/* Made by embed.py. */\n#include "embedded.h"\n')
    for path in texts:
        name = "ocl_cl_" + os.path.splitext(os.path.basename(path))[0]
        data = open(path, "rb").read()
        if any(b > 126 for b in data):
            sys.exit(path + ": not ASCII")
        h.write("extern const char %s[%d];\n" % (name, len(data)))
        c.write("const char %s[%d] = {\n" % (name, len(data)))
        for i in range(0, len(data), 20):
            c.write("    " + ", ".join(str(b) for b in data[i:i + 20]) + ",\n")
        c.write("};\n")
    h.write("#endif\n")
