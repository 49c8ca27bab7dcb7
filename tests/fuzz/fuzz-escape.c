/* SPDX-License-Identifier: MIT */

/*
 * Names as text, JSON and dependency files on any bytes: each is read back by a decoder
 * that is written here from what the format's own reader documents, and shares nothing
 * with the escapers.  What comes back is the name, and nothing of it ends a line or a
 * field.
 */

#include "fuzz.h"

#include "base/buf.h"
#include "base/escape.h"
#include "base/json.h"
#include "base/jsonread.h"
#include "sink/depname.h"

/* --- what all of them promise ---------------------------------------------------- */

/* The code point at *@at, which is moved behind it; traps where it is no UTF-8. */
static uint32_t
code_point(const uint8_t **at, const uint8_t *end)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint32_t c = *(*at)++;
	unsigned more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 : 3;

	REQUIRE(c < 0x80 || (c >= 0xc0 && c < 0xf8));
	c &= more ? 0x3fu >> more : 0x7f;
	for (unsigned i = 0; i < more; i++) {
		REQUIRE(*at < end && **at >> 6 == 2);
		c = c << 6 | (*(*at)++ & 0x3f);
	}
	REQUIRE(c >= least[more] && c < 0x110000 && (c < 0xd800 || c > 0xdfff));
	return c;
}

/* One line of UTF-8 that moves no cursor. */
static void
check_printable(const struct buf *text)
{
	const uint8_t *at = (const uint8_t *)buf_str(text), *end = at + text->len;

	while (at < end) {
		uint32_t c = code_point(&at, end);

		REQUIRE(c >= 0x20 && c != 0x7f && (c < 0x80 || c > 0x9f));
		REQUIRE(c != 0x61c && c != 0x200e && c != 0x200f);
		REQUIRE((c < 0x2028 || c > 0x202e) && (c < 0x2066 || c > 0x2069));
	}
}

static void
check_same(const struct buf *back, const char *name, size_t len)
{
	REQUIRE(back->len == len && (!len || memcmp(back->data, name, len) == 0));
}

static unsigned
hex_of(const char *s, size_t n)
{
	unsigned value = 0;

	while (n--) {
		char c = *s++;

		REQUIRE((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
		value = value * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return value;
}

static void
add_code(struct buf *out, unsigned c)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_addc(out, (char)(0xc0 + c / 64));
	} else {
		buf_addc(out, (char)(0xe0 + c / 4096));
		buf_addc(out, (char)(0x80 + c / 64 % 64));
	}
	buf_addc(out, (char)(0x80 + c % 64));
}

/* --- text ------------------------------------------------------------------------- */

static void
decode_text(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s != '\\') {
			buf_addc(out, *s);
			continue;
		}
		switch (*++s) {
		case 'a':
			buf_addc(out, 7);
			break;
		case 'b':
			buf_addc(out, 8);
			break;
		case 't':
			buf_addc(out, 9);
			break;
		case 'n':
			buf_addc(out, 10);
			break;
		case 'v':
			buf_addc(out, 11);
			break;
		case 'f':
			buf_addc(out, 12);
			break;
		case 'r':
			buf_addc(out, 13);
			break;
		case '\\':
			buf_addc(out, '\\');
			break;
		case 'x':
			buf_addc(out, (char)hex_of(s + 1, 2));
			s += 2;
			break;
		default:
			REQUIRE(*s == 'u');
			add_code(out, hex_of(s + 1, 4));
			s += 4;
		}
	}
}

static void
check_text(const char *name, size_t len)
{
	_cleanup_buf_ struct buf text = { 0 }, back = { 0 }, undone = { 0 };

	escape_text(&text, name, len);
	check_printable(&text);
	REQUIRE(!strstr(buf_str(&text), ", "));
	REQUIRE(!text.len || text.data[text.len - 1] != ',');
	decode_text(&back, buf_str(&text));
	check_same(&back, name, len);
	REQUIRE(escape_undo(&undone, buf_str(&text), text.len));
	check_same(&undone, name, len);
	buf_reset(&text);
	escape_message(&text, name, len);
	check_printable(&text);
}

/* Whatever is undone at all is what would have been written. */
static void
check_undo(const char *text, size_t len)
{
	_cleanup_buf_ struct buf name = { 0 }, again = { 0 };

	if (!escape_undo(&name, text, len)) {
		REQUIRE(!name.len);
		return;
	}
	escape_text(&again, buf_str(&name), name.len);
	check_same(&again, text, len);
}

/* --- JSON (RFC 8259) ---------------------------------------------------------------- */

/* The string that begins at @s; returns what follows it. */
static const char *
decode_string(struct buf *out, const char *s)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

	REQUIRE(*s++ == '"');
	while (*s != '"') {
		const char *letter;

		if (*s != '\\') {
			REQUIRE((unsigned char)*s >= 0x20);
			buf_addc(out, *s++);
			continue;
		}
		s++;
		if (*s == 'u') {
			add_code(out, hex_of(s + 1, 4));
			s += 5;
			continue;
		}
		letter = *s ? strchr(from, *s++) : NULL;
		REQUIRE(letter);
		buf_addc(out, to[letter - from]);
	}
	return s + 1;
}

static const char *
expect(const char *s, const char *word)
{
	REQUIRE(strncmp(s, word, strlen(word)) == 0);
	return s + strlen(word);
}

static void
decode_hex(struct buf *out, const struct buf *hex)
{
	REQUIRE(hex->len % 2 == 0);
	for (size_t i = 0; i < hex->len; i += 2)
		buf_addc(out, (char)hex_of(hex->data + i, 2));
}

/* A name that stands behind @start, exact in the string, or in a second one behind @second. */
static const char *
decode_name(struct buf *out, const char *s, const char *start, const char *second)
{
	_cleanup_buf_ struct buf hex = { 0 };

	s = decode_string(out, expect(s, start));
	if (strncmp(s, second, strlen(second)) != 0)
		return s;
	s = decode_string(&hex, expect(s, second));
	buf_reset(out);
	decode_hex(out, &hex);
	return s;
}

static void
check_json(const char *name, size_t len)
{
	_cleanup_buf_ struct buf text = { 0 }, back = { 0 };
	struct json j;
	const char *s;

	json_init(&j, &text);
	json_object(&j, NULL);
	json_name(&j, "a", name, len);
	json_int(&j, "z", 7);
	json_object_end(&j);
	check_printable(&text);
	s = decode_name(&back, buf_str(&text), "{\"a\":", ",\"a_hex\":");
	REQUIRE(strcmp(s, ",\"z\":7}") == 0);
	check_same(&back, name, len);
}

static void
check_json_array(const char *name, size_t len)
{
	_cleanup_buf_ struct buf text = { 0 }, back = { 0 };
	struct json j;
	const char *s;

	json_init(&j, &text);
	json_array(&j, NULL);
	json_name(&j, NULL, name, len);
	json_int(&j, NULL, 7);
	json_array_end(&j);
	check_printable(&text);
	if (text.data[1] == '"')
		s = decode_string(&back, buf_str(&text) + 1);
	else
		s = expect(decode_name(&back, buf_str(&text), "[{\"text\":", ",\"hex\":"),
			   "}");
	REQUIRE(strcmp(s, ",7]") == 0);
	check_same(&back, name, len);
}

/* Our own reader sees in a line what was written to it. */
static void
check_jsonread(const char *name, size_t len)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct jsonread_value key, value = { 0 }, last;
	struct jsonread r;
	struct json j;

	json_init(&j, &text);
	json_object(&j, NULL);
	json_name(&j, "a", name, len);
	json_object_end(&j);
	jsonread_init(&r, text.data, text.len);
	REQUIRE(jsonread_object(&r) && jsonread_key(&r, &key) &&
		jsonread_value(&r, &value) && value.kind == JSONREAD_STRING);
	if (!jsonread_key(&r, &key))
		REQUIRE(value.len == len && memcmp(value.bytes, name, len) == 0);
	else
		REQUIRE(jsonread_value(&r, &last) && last.len == 2 * len &&
			!jsonread_key(&r, &key));
	REQUIRE(jsonread_end(&r));
}

/* --- dependency files ---------------------------------------------------------------- */

/* make's first step: "$$", and $(subst ,X,), which is X; nothing else is written. */
static void
expand(struct buf *out, const char *s)
{
	static const char function[] = "(subst ,";

	for (; *s; s++) {
		if (*s != '$') {
			buf_addc(out, *s);
		} else if (*++s != '$') {
			const char *end = strstr(s, ",)");

			s = expect(s, function);
			REQUIRE(end && end >= s && end - s <= 2);
			buf_add(out, s, (size_t)(end - s));
			s = end + 1;
		} else {
			buf_addc(out, '$');
		}
	}
}

static bool
ends_word(char c, bool target)
{
	return c && strchr(target ? " \t#:;%" : " \t#:|;", c);
}

/*
 * The second: a byte that would end the word stands behind an odd number of backslashes,
 * of which half are meant; other backslashes stand for themselves.
 */
static void
unescape(struct buf *out, const char *s, bool target)
{
	while (*s) {
		size_t n = strspn(s, "\\");
		char c = s[n];

		if (ends_word(c, target) || !c) {
			REQUIRE(n % 2 == (c != '\0'));
			for (size_t i = 0; i < n / 2; i++)
				buf_addc(out, '\\');
		} else {
			buf_add(out, s, n);
		}
		if (c)
			buf_addc(out, c);
		s += n + (c != '\0');
	}
}

/* The third: a pattern, in which everything fits just one byte. */
static void
match(struct buf *out, const char *s)
{
	bool pattern = strpbrk(s, "*?[");

	for (; *s; s++) {
		if (pattern && *s == '[') {
			REQUIRE(s[1] && s[1] != '!' && s[2] == ']');
			buf_addc(out, s[1]);
			s += 2;
			continue;
		}
		if (pattern && *s == '\\')
			s++;
		else
			REQUIRE(!pattern || (*s != '*' && *s != '?'));
		REQUIRE(*s);
		buf_addc(out, *s);
	}
}

static void
check_make(const char *name, size_t len, enum depname_place place)
{
	_cleanup_buf_ struct buf text = { 0 }, words = { 0 }, globs = { 0 }, back = { 0 };
	bool target = place == DEPNAME_TARGET;
	const char *end;

	if (!depname_make(&text, name, len, place)) {
		REQUIRE(!text.len);
		REQUIRE(!len || memchr(name, '\n', len) || name[len - 1] == ')');
		return;
	}
	REQUIRE(!strchr(buf_str(&text), '\n'));
	expand(&words, buf_str(&text));
	unescape(&globs, buf_str(&words), target);
	match(&back, buf_str(&globs));
	end = buf_str(&back);
	if (back.len == len + 2)
		end = expect(end, "./");
	REQUIRE(strlen(end) == len && memcmp(end, name, len) == 0);
}

/* ninja's depfile_parser.in.cc, one name: what it means is added, the rest is returned. */
static const char *
ninja_name(struct buf *out, const char *s)
{
	while (*s) {
		size_t n = strspn(s, "\\");
		char c = s[n];

		if (n && !c) {
			/* a blank follows: an even number of them stays and ends the name */
			REQUIRE(n % 2 == 0);
			buf_add(out, s, n);
			return s + n;
		}
		if (n && c == ' ') {
			REQUIRE(n % 2);
			for (size_t i = 0; i < n / 2; i++)
				buf_addc(out, '\\');
			buf_addc(out, ' ');
		} else if (n && (c == '#' || (c == ':' && s[n + 1]))) {
			for (size_t i = 1; i < n; i++)
				buf_addc(out, '\\');
			buf_addc(out, c);
		} else if (n) {
			REQUIRE(c && c != '\r');
			/* a backslash lets one byte through, whichever it is */
			buf_add(out, s, n);
			buf_addc(out, c);
		} else if (c == '$') {
			REQUIRE(s[1] == '$');
			buf_addc(out, *s++);
		} else {
			REQUIRE(!strchr(" #\"&'*;<>?^`|\t\r", c));
			buf_addc(out, c);
		}
		s += n + 1;
	}
	return s;
}

static void
check_ninja(const char *name, size_t len)
{
	_cleanup_buf_ struct buf text = { 0 }, back = { 0 };

	if (!depname_ninja(&text, name, len, DEPNAME_INPUT)) {
		REQUIRE(!text.len);
		return;
	}
	REQUIRE(!strchr(buf_str(&text), '\n'));
	REQUIRE(!*ninja_name(&back, buf_str(&text)));
	check_same(&back, name, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	_cleanup_free_ char *name = fuzz_copy(bytes, len);

	check_text(name, len);
	check_undo(name, len);
	check_json(name, len);
	check_json_array(name, len);
	check_jsonread(name, len);
	/* what follows are files, whose names have no NUL */
	len = strnlen(name, len);
	check_make(name, len, DEPNAME_INPUT);
	check_make(name, len, DEPNAME_TARGET);
	check_ninja(name, len);
	return 0;
}
