"""Writes a C file with the text of every kernel file as a byte array."""
import os
import sys

out, *files = sys.argv[1:]
with open(out, "w", encoding="ascii") as c:
    c.write("/* Generated from the kernel files. */\n#include \"launch.h\"\n#include <string.h>\n\n")
    names = []
    for path in sorted(files):
        name = os.path.splitext(os.path.basename(path))[0]
        names.append(name)
        data = open(path, "rb").read()
        c.write("static const char text_%s[] = {\n" % name)
        for i in range(0, len(data), 20):
            c.write("  " + ",".join(str(b) for b in data[i:i + 20]) + ",\n")
        c.write("  0};\n")
    c.write("static const struct {\n  const char *name, *text;\n  size_t n;\n} files[] = {\n")
    for name in names:
        c.write("  {\"%s\", text_%s, sizeof text_%s - 1},\n" % (name, name, name))
    c.write("};\n\nconst char *ocl_kernel_text(const char *name, size_t *n) {\n"
            "  for (size_t i = 0; i < sizeof files / sizeof *files; i++)\n"
            "    if (!strcmp(files[i].name, name)) {\n"
            "      *n = files[i].n;\n      return files[i].text;\n    }\n"
            "  return NULL;\n}\n")
