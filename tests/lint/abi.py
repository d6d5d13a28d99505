#!/usr/bin/env python3
"""usage: abi.py HEADER...: a C program that prints the layout of every struct of the headers and
the value of every enumerator, a line each.  The table in abi.txt holds what must never change."""
import re
import sys
from pathlib import Path

COMMENT = re.compile(r"/\*.*?\*/", re.S)
STRUCT = re.compile(r"typedef struct (rk_\w+) \{(.*?)\n\} \1;", re.S)
ENUM = re.compile(r"\benum(?: \w+)? \{(.*?)\}", re.S)
FUNCTION = re.compile(r"\(\*(\w+)\)\s*\(")


def declarators(declaration):
    """Names that one declaration of a struct declares."""
    pointer = FUNCTION.search(declaration)
    if pointer:
        return [pointer.group(1)]
    names = []
    for part in declaration.split(","):
        part = re.sub(r"\[.*?\]", "", part).strip()
        names.append(re.search(r"(\w+)$", part).group(1))
    return names


def program(paths):
    yield "/* Made by tests/lint/abi.py. */"
    for path in paths:
        yield f'#include "rethink/{Path(path).name}"'
    yield "#include <stdio.h>"
    yield "#define FIELD(s, f) printf(#s \".\" #f \" %zu %zu\\n\", offsetof(s, f), " \
          "sizeof((s *)0)->f)"
    yield "int main(void)\n{"
    for path in paths:
        text = COMMENT.sub("", Path(path).read_text(encoding="utf-8"))
        for name, body in STRUCT.findall(text):
            yield f'    printf("{name} %zu\\n", sizeof({name}));'
            for declaration in body.split(";"):
                for field in declarators(declaration) if declaration.strip() else ():
                    yield f"    FIELD({name}, {field});"
        for body in ENUM.findall(text):
            for name in re.findall(r"\b(RK_\w+)\s*(?==|,|$)", body):
                yield f'    printf("{name} %lld\\n", (long long){name});'
    yield "    return 0;\n}"


if __name__ == "__main__":
    print("\n".join(program(sys.argv[1:])))
