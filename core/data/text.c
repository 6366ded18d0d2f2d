/* UTF-8 text: decoding, printing, and a fold under which names that look alike are equal. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t lp_text_next(const char **p) {
  static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
  const unsigned char *s = (const unsigned char *)(*p)++;
  if (*s < 0x80) return *s;
  const uint32_t more = *s >= 0xf0 ? 3 : *s >= 0xe0 ? 2 : 1;
  if (*s < 0xc2 || *s > 0xf4) return UINT32_MAX;
  uint32_t c = *s & (0x3fu >> more);
  for (uint32_t i = 1; i <= more; i++) {
    if ((s[i] & 0xc0) != 0x80) return UINT32_MAX;
    c = c << 6 | (s[i] & 0x3f);
  }
  if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return UINT32_MAX;
  *p += more;
  return c;
}

bool lp_text_is_utf8(const char *text) {
  while (*text)
    if (lp_text_next(&text) == UINT32_MAX) return false;
  return true;
}

void lp_text_printable(const char *text, char *out, size_t cap) {
  size_t n = 0;
  while (*text) {
    const char *next = text;
    const uint32_t c = lp_text_next(&next);
    const size_t length = (size_t)(next - text);
    const bool plain = c != UINT32_MAX && c >= 32 && c != 127;
    if (n + (plain ? length : 4) >= cap) break;
    if (plain)
      memcpy(out + n, text, length);
    else
      snprintf(out + n, 5, "\\x%02x", (unsigned char)*text);
    n += plain ? length : 4;
    text = next;
  }
  out[n] = 0;
}

/* The letter under the accents, of characters that are one code point. */
static uint32_t without_accent(uint32_t c) {
  static const struct {
    uint32_t first;
    const char *base; /* '.': is its own */
  } block[] = {
      {0xc0, "AAAAAA.CEEEEIIII.NOOOOO..UUUUY..aaaaaa.ceeeeiiii.nooooo..uuuuy.y"
             "AaAaAaCcCcCcCcDd..EeEeEeEeEeGgGgGgGgHh..IiIiIiIiI...JjKk.LlLlLl."
             "...NnNnNn...OoOoOo..RrRrRrSsSsSsSsTtTt..UuUuUuUuUuUuWwYyYZzZzZz."},
      {0x1a0, "Oo.............Uu............................AaIiOoUuUuUuUuUu.Aa"
              "Aa....GgKkOoOo..j...Gg..NnAa....AaAaEeEeIiIiOoOoRrRrUuUuSsTt..Hh"},
      {0x1e00, "AaBbBbBbCcDdDdDdDdDdEeEeEeEeEeFfGgHhHhHhHhHhIiIiKkKkKkLlLlLlLlMm"
               "MmMmNnNnNnNnOoOoOoOoPpPpRrRrRrRrSsSsSsSsSsTtTtTtTtUuUuUuUuUuVvVv"
               "WwWwWwWwWwXxXxYyZzZzZzhtwy......AaAaAaAaAaAaAaAaAaAaAaAaEeEeEeEe"
               "EeEeEeEeIiIiOoOoOoOoOoOoOoOoOoOoOoOoUuUuUuUuUuUuUuYyYyYyYy......"},
  };
  static const uint16_t pair[][2] = {
      {0x386, 0x391},   {0x388, 0x395},   {0x389, 0x397},   {0x38a, 0x399},   {0x38c, 0x39f},
      {0x38e, 0x3a5},   {0x38f, 0x3a9},   {0x390, 0x3b9},   {0x3aa, 0x399},   {0x3ab, 0x3a5},
      {0x3ac, 0x3b1},   {0x3ad, 0x3b5},   {0x3ae, 0x3b7},   {0x3af, 0x3b9},   {0x3b0, 0x3c5},
      {0x3ca, 0x3b9},   {0x3cb, 0x3c5},   {0x3cc, 0x3bf},   {0x3cd, 0x3c5},   {0x3ce, 0x3c9},
      {0x400, 0x415},   {0x401, 0x415},   {0x403, 0x413},   {0x407, 0x406},   {0x40c, 0x41a},
      {0x40d, 0x418},   {0x40e, 0x423},   {0x419, 0x418},   {0x439, 0x438},   {0x450, 0x435},
      {0x451, 0x435},   {0x453, 0x433},   {0x457, 0x456},   {0x45c, 0x43a},   {0x45d, 0x438},
      {0x45e, 0x443},   {0x3094, 0x3046}, {0x309e, 0x309d}, {0x30f4, 0x30a6}, {0x30f7, 0x30ef},
      {0x30f8, 0x30f0}, {0x30f9, 0x30f1}, {0x30fa, 0x30f2}, {0x30fe, 0x30fd},
  };
  for (size_t i = 0; i < sizeof block / sizeof *block; i++)
    if (c >= block[i].first && c - block[i].first < strlen(block[i].base)) {
      const char b = block[i].base[c - block[i].first];
      return b == '.' ? c : (uint32_t)b;
    }
  for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
    if (c == pair[i][0]) return pair[i][1];
  /* Voiced kana follow their letter: in twos up to "do", in threes from "ha" on. */
  const uint32_t kana = c >= 0x3040 && c < 0x30a0 ? 0x3040 : c >= 0x30a0 && c < 0x3100 ? 0x30a0 : 0;
  const uint32_t k = c - kana;
  if (!kana) return c;
  if (k >= 0x0b && k <= 0x22) return c - (k % 2 == 0); /* ka 0b, ga 0c, ..., di 22 */
  if (k >= 0x24 && k <= 0x29) return c - (k % 2);      /* tu 24, du 25, ..., do 29 */
  if (k >= 0x2f && k <= 0x3d) return c - (k - 0x2f) % 3;
  return c;
}

static bool is_mark_or_blank(uint32_t c) {
  return (c >= 0x300 && c < 0x370) || c == 0x3099 || c == 0x309a || c == ' ' || c == '\t' ||
         c == '\n' || c == '\r' || c == 0xa0 || (c >= 0x2000 && c <= 0x200f) || c == 0x3000 ||
         c == 0xfeff;
}

static uint32_t lower(uint32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
      (c >= 0x410 && c <= 0x42f))
    return c + 32;
  if (c >= 0x400 && c <= 0x40f) return c + 80;
  return c == 0x3c2 ? 0x3c3 : c; /* a final sigma */
}

static size_t put(uint32_t c, char *out) {
  if (c < 0x80) return (size_t)((*out = (char)c), 1);
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  *out = (char)((0xf00 >> more) | (int)(c >> (6 * more)));
  for (int i = 1; i <= more; i++) out[i] = (char)(0x80 | (c >> (6 * (more - i)) & 0x3f));
  return (size_t)more + 1;
}

char *lp_text_fold(const char *text) {
  char *out = malloc(9 * strlen(text) + 1); /* a Hangul syllable of 3 bytes becomes 3 letters */
  size_t n = 0;
  while (out && *text) {
    const uint32_t c = lp_text_next(&text);
    if (c == UINT32_MAX) {
      out[n++] = text[-1];
    } else if (c >= 0xac00 && c < 0xac00 + 11172) { /* Unicode's arithmetic of Hangul syllables */
      const uint32_t s = c - 0xac00, tail = s % 28;
      n += put(0x1100 + s / 588, out + n);
      n += put(0x1161 + s % 588 / 28, out + n);
      if (tail) n += put(0x11a7 + tail, out + n);
    } else if (!is_mark_or_blank(c)) {
      n += put(lower(without_accent(c)), out + n);
    }
  }
  if (out) out[n] = 0;
  return out;
}
