# SPDX-License-Identifier: MIT
"""Makes one page of its parts, and C of the page: what stands before and behind the data.

    embed.py OUTPUT page.html page.css FIRST.js SECOND.js ...
"""

import sys


def c_array(name, data):
    lines = (", ".join(map(str, data[i:i + 24])) for i in range(0, len(data), 24))
    return f"const unsigned char {name}[] = {{\n" + ",\n".join(lines) + \
           f"\n}};\nconst size_t {name}_len = sizeof({name});\n"


def main():
    output, page, style, *scripts = sys.argv[1:]
    read = [open(name, encoding="utf-8").read() for name in (page, style, *scripts)]
    script = '"use strict";\n(() => {\n' + "\n".join(read[2:]) + "})();\n"
    for text in (read[1], script):
        if "</script" in text or "</style" in text:
            sys.exit("embed.py: a part would end the element that it stands in")
    whole = read[0].replace("/* STYLE */", read[1]).replace("/* SCRIPT */", script)
    before, behind = whole.split("DATA", 1)
    with open(output, "w", encoding="ascii") as out:
        out.write("#include <stddef.h>\n\n")
        out.write(c_array("html_before", before.encode()))
        out.write(c_array("html_behind", behind.encode()))


main()
