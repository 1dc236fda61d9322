/* The kernel's printf, as far as the files that the lab builds use it. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lab/linux/shim.h"

struct Text {
  char* at;
  size_t room;
  size_t length;
};

static void put(struct Text* text, const char* piece) {
  const size_t more = strlen(piece);
  const size_t fits = more < text->room - text->length ? more : text->room - text->length - 1;
  memcpy(text->at + text->length, piece, fits);
  text->length += fits;
}

/* One %p conversion with its letters; returns how many letters it has. */
static size_t put_pointer(struct Text* text, const char* letters, const void* pointer) {
  char piece[32];
  if (letters[0] == 'a') {
    snprintf(piece, sizeof piece, "0x%016llx", *(const unsigned long long*)pointer);
    put(text, piece);
    return letters[1] == 'p' || letters[1] == 'd' ? 2 : 1;
  }
  if (letters[0] == 'S' || letters[0] == 's' || letters[0] == 'F' || letters[0] == 'B') {
    put(text, "memblock"); /* The caller: outside of the kernel there is but one. */
    return 1;
  }
  snprintf(piece, sizeof piece, "%p", pointer);
  put(text, piece);
  return 0;
}

/* A zero with its 0x, which the C library leaves out. */
static void zero_with_prefix(const char* form, char* piece, size_t room) {
  const char* digits = form + strspn(form, "%#");
  const bool filled = *digits == '0';
  int width = 0;
  while (*digits >= '0' && *digits <= '9') width = 10 * width + (*digits++ - '0');
  snprintf(piece, room, "0x%0*d", filled && width > 3 ? width - 2 : 1, 0);
}

/* One numeric or string conversion, handed to the C library. */
static void put_plain(struct Text* text, const char* from, size_t length, va_list* arguments) {
  char form[32], piece[256];
  const char kind = from[length - 1];
  if (length >= sizeof form) return;
  memcpy(form, from, length);
  form[length] = 0;
  if (kind == 's') {
    snprintf(piece, sizeof piece, form, va_arg(*arguments, const char*));
  } else if (kind == 'c') {
    snprintf(piece, sizeof piece, form, va_arg(*arguments, int));
  } else if (strpbrk(form, "lLz") != NULL) {
    const unsigned long long value = va_arg(*arguments, unsigned long long);
    snprintf(piece, sizeof piece, form, value);
    if (value == 0 && strchr(form, '#') != NULL) zero_with_prefix(form, piece, sizeof piece);
  } else {
    const unsigned value = va_arg(*arguments, unsigned);
    snprintf(piece, sizeof piece, form, value);
    if (value == 0 && strchr(form, '#') != NULL) zero_with_prefix(form, piece, sizeof piece);
  }
  put(text, piece);
}

size_t lx_format(char* to, size_t room, const char* format, va_list arguments) {
  struct Text text = {to, room, 0};
  va_list rest;
  va_copy(rest, arguments);
  while (*format != 0) {
    if (*format != '%') {
      const char one[2] = {*format++, 0};
      put(&text, one);
      continue;
    }
    if (format[1] == '%') {
      put(&text, "%");
      format += 2;
      continue;
    }
    if (format[1] == 'p') {
      format += 2;
      format += put_pointer(&text, format, va_arg(rest, const void*));
      continue;
    }
    const size_t length = strcspn(format + 1, "diouxXcs") + 2;
    if (strlen(format) < length) break;
    put_plain(&text, format, length, &rest);
    format += length;
  }
  va_end(rest);
  to[text.length] = 0;
  return text.length;
}
