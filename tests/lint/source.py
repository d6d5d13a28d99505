"""What the checks of the sources share: which files there are, and C without its texts."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(*patterns):
    """Tracked and new files that match, but for ignored ones."""
    out = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "--",
                          *patterns], capture_output=True, text=True, check=True).stdout
    return [p for p in sorted(set(out.split("\n"))) if p and (ROOT / p).is_file()]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text, keep_line_comments=False):
    """The text with comments, strings and characters blanked, line by line as long as before."""
    def replace(m):
        token = m.group()
        if token.startswith("//") and keep_line_comments:
            return token
        return re.sub(r"[^\n]", " ", token)
    return TOKEN.sub(replace, text)


def report(name, findings):
    """Prints the findings, sorted, and exits."""
    for line in sorted(set(findings)):
        print(line)
    print(f"{name}: {len(set(findings))} findings")
    sys.exit(1 if findings else 0)
