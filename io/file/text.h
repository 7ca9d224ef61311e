/*
 * io/file/text.h - bytes of strangers as text for people and programs
 *
 * Control bytes and bytes that are not UTF-8 become \xNN; characters at which
 * terminals act or readers split lines (C1 controls, U+2028, U+2029), or which
 * turn text around or vanish, become \u{NNNN}; a backslash is doubled. What
 * comes out is one line of UTF-8 for every reader, and can be undone.
 */
#ifndef REAP_IO_FILE_TEXT_H
#define REAP_IO_FILE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "engine/base/bytes.h"

/* Room that always suffices for 'len' bytes. */
#define REAP_TEXT_ROOM(len) (4 * (size_t)(len) + 1)

/* Write the text of 'in' to 'out' of 'size' bytes, which is returned; it is
 * cut between characters if it does not fit. */
char *reap_text_escape(char *out, size_t size, struct reap_bytes in);

/* The bytes an escaped text stands for, in 'out' of at least strlen(text)
 * bytes; returns how many. What is no escape stands for itself. */
size_t reap_text_unescape(const char *text, unsigned char *out);

/* 'word' as a person may paste it into a shell: one word of the same bytes, as
 * it is where that is safe, else in quotes; control bytes and bytes that are
 * not UTF-8 in bash's $'...' form. Writes to 'out' of 'size' bytes, which is
 * returned; REAP_TEXT_QUOTED(strlen(word)) suffice. */
char *reap_text_quote(char *out, size_t size, const char *word);
#define REAP_TEXT_QUOTED(len) (4 * (size_t)(len) + 4)

/* 'text' and a line end, with such bytes and characters escaped, a backslash as
 * it is: one line, and no orders to a terminal, whatever names it holds. */
void reap_text_line(FILE *to, const char *text);

/* Text of several lines: line ends and tabs stay; 'json': escapes are those of
 * JSON strings. Returns how many bytes were taken, which leaves out the
 * beginning of a character at the end unless it is the 'last' text. */
size_t reap_text_safe(FILE *to, const char *text, size_t len, bool json,
                      bool last);

/* A field of a CSV line (RFC 4180), quoted where it has to be. */
void reap_text_csv(FILE *to, const char *text);

/* The same; what a spreadsheet would run as a formula gets a ' before it. */
void reap_text_csv_safe(FILE *to, const char *text);

/* A JSON string of valid UTF-8, in quotes. */
void reap_text_json(FILE *to, const char *text);

/* The shortest decimal that reads back as the same float. */
void reap_text_float(FILE *to, float v);

#endif /* REAP_IO_FILE_TEXT_H */
