/* embed.c: build-time program that turns text files into a C table (see report_asset).
 *
 * usage: embed OUT.c FILE...
 */
#include <stdio.h>
#include <string.h>

static int put_file(FILE *out, const char *path) {
  FILE *in = fopen(path, "rb");
  if (!in) {
    perror(path);
    return 1;
  }
  const char *slash = strrchr(path, '/');
  fprintf(out, "    {\"%s\",\n     \"", slash ? slash + 1 : path);
  int c, last = 0;
  while ((c = getc(in)) != EOF) {
    if (c == '\n')
      fputs("\\n\"\n     \"", out);
    else if (c == '"' || c == '\\')
      fprintf(out, "\\%c", c);
    else if (c == '?' && last == '?')
      fputs("\\?", out); /* no trigraph */
    else if (c < 32 || c > 126)
      fprintf(out, "\\%03o", (unsigned)c);
    else
      putc(c, out);
    last = c;
  }
  fputs("\"},\n", out);
  int bad = ferror(in);
  fclose(in);
  return bad;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: embed OUT.c FILE...\n");
    return 2;
  }
  FILE *out = fopen(argv[1], "wb");
  if (!out) {
    perror(argv[1]);
    return 1;
  }
  fputs("/* Made by core/report/embed.c from core/report/templates. */\n"
        "#include \"report/report_internal.h\"\n\n"
        "const report_asset lp_report_assets[] = {\n",
        out);
  int bad = 0;
  for (int i = 2; i < argc; i++) bad |= put_file(out, argv[i]);
  fputs("    {NULL, NULL}};\n", out);
  bad |= ferror(out);
  return fclose(out) != 0 || bad;
}
