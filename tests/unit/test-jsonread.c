/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/jsonread.h"

#include <stdlib.h>
#include <string.h>

/* Reads @text to its end, values and all; the kinds it met, a letter each, in @story. */
static bool
read_all(const char *text, size_t len, struct buf *story)
{
	static const char letters[] = "?snTFNao";
	/* of its exact size, so that a sanitizer sees a step too far */
	char *copy = memcpy(malloc(len ? len : 1), text, len);
	struct jsonread_value key, value;
	struct jsonread j;
	bool ok;

	jsonread_init(&j, copy, len);
	if (jsonread_object(&j))
		while (jsonread_key(&j, &key) && jsonread_value(&j, &value)) {
			buf_add(story, key.bytes, key.len);
			buf_addc(story, letters[value.kind]);
		}
	ok = jsonread_end(&j);
	free(copy);
	return ok;
}

#define CHECK_READS(text, want)                                                   \
	do {                                                                      \
		_cleanup_buf_ struct buf story_ = { 0 };                          \
		CHECK(read_all(text, sizeof(text) - 1, &story_));                 \
		unit_check_str(__FILE__, __LINE__, buf_str(&story_), want, text); \
	} while (0)

#define CHECK_BAD(text)                                            \
	do {                                                       \
		_cleanup_buf_ struct buf story_ = { 0 };           \
		CHECK(!read_all(text, sizeof(text) - 1, &story_)); \
	} while (0)

TEST(objects)
{
	CHECK_READS("{}", "");
	CHECK_READS(" { } \n", "");
	CHECK_READS("{\"a\":\"x\",\"b\" : -1.5e+3 , \"c\":true,\"d\":false,\"e\":null,"
		    "\"f\":[1,{\"x\":[\"]\"]}],\"g\":{\"}\":1}}",
		    "asbncTdFeNfago");
}

TEST(what_is_no_json)
{
	CHECK_BAD("");
	CHECK_BAD("[]");
	CHECK_BAD("{");
	CHECK_BAD("{\"a\"}");
	CHECK_BAD("{\"a\":}");
	CHECK_BAD("{\"a\":1");
	CHECK_BAD("{\"a\":1,}");
	CHECK_BAD("{\"a\":1 \"b\":2}");
	CHECK_BAD("{\"a\":01}");
	CHECK_BAD("{\"a\":-}");
	CHECK_BAD("{\"a\":1.}");
	CHECK_BAD("{\"a\":tru}");
	CHECK_BAD("{\"a\":\"x");
	CHECK_BAD("{\"a\":\"\\");
	CHECK_BAD("{\"a\":\"\\x\"}");
	CHECK_BAD("{\"a\":\"\\u12\"}");
	CHECK_BAD("{\"a\":\"\n\"}");
	CHECK_BAD("{\"a\":[1}}");
	CHECK_BAD("{\"a\":[\"}");
	CHECK_BAD("{a:1}");
	CHECK_BAD("{}x");
}

TEST(deep_nesting_is_refused)
{
	_cleanup_buf_ struct buf text = { 0 }, story = { 0 };

	buf_adds(&text, "{\"a\":");
	for (int i = 0; i < 100000; i++)
		buf_addc(&text, '[');
	CHECK(!read_all(text.data, text.len, &story));
}

/* Decodes the one value of the object @text. */
static struct jsonread_value
value_of(char *text)
{
	struct jsonread_value key, value = { 0 };
	struct jsonread j;

	jsonread_init(&j, text, strlen(text));
	if (jsonread_object(&j) && jsonread_key(&j, &key))
		jsonread_value(&j, &value);
	return value;
}

TEST(strings_are_decoded_in_place)
{
	char text[] =
		"{\"k\":\"a\\n\\\"\\\\\\/\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\ud800z\"}";
	const char want[] = "a\n\"\\/A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbdz";
	struct jsonread_value v = value_of(text);

	CHECK_INT(v.kind, JSONREAD_STRING);
	CHECK_MEM(v.bytes, v.len, want, sizeof(want) - 1);
}

TEST(numbers)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t want;
	} ints[] = {
		{ "{\"k\":0}", true, 0 },
		{ "{\"k\":-7}", true, -7 },
		{ "{\"k\":9223372036854775807}", true, INT64_MAX },
		{ "{\"k\":-9223372036854775808}", true, INT64_MIN },
		{ "{\"k\":9223372036854775808}", false, 0 },
		{ "{\"k\":1.5}", false, 0 },
		{ "{\"k\":\"1\"}", false, 0 },
	};
	static const struct {
		const char *text;
		bool ok;
		uint64_t want;
	} seconds[] = {
		{ "{\"k\":0.000000000}", true, 0 },
		{ "{\"k\":12.000000345}", true, 12000000345 },
		{ "{\"k\":3}", true, 3000000000 },
		{ "{\"k\":1.5}", true, 1500000000 },
		{ "{\"k\":1.0000000019}", true, 1000000001 },
		{ "{\"k\":-1}", false, 0 },
		{ "{\"k\":1e3}", false, 0 },
		{ "{\"k\":99999999999999999999}", false, 0 },
	};
	char text[64];

	for (size_t i = 0; i < sizeof(ints) / sizeof(*ints); i++) {
		struct jsonread_value v = value_of(strcpy(text, ints[i].text));
		int64_t n = 0;

		CHECK_INT(jsonread_int(&v, &n), ints[i].ok);
		CHECK_INT(n, ints[i].want);
	}
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		struct jsonread_value v = value_of(strcpy(text, seconds[i].text));
		uint64_t n = 0;

		CHECK_INT(jsonread_seconds(&v, &n), seconds[i].ok);
		CHECK_INT(n, seconds[i].want);
	}
}

TEST(what_the_writer_writes_comes_back)
{
	uint64_t seed = 5;
	char name[200];

	for (int i = 0; i < 2000; i++) {
		_cleanup_buf_ struct buf text = { 0 };
		size_t len = unit_random_name(&seed, name, sizeof(name));
		struct jsonread_value v;
		struct json w;

		json_init(&w, &text);
		json_object(&w, NULL);
		json_name(&w, "k", name, len);
		json_object_end(&w);
		if (strstr(text.data, "k_hex"))
			continue;
		v = value_of(text.data);
		CHECK_MEM(v.bytes, v.len, name, len);
	}
}

TEST(any_bytes_at_all)
{
	static const char pieces[] = "{}[]\",:\\u0trueflsn-1.5e+ \n\xff";
	uint64_t seed = 3;
	char text[64];

	for (int i = 0; i < 20000; i++) {
		_cleanup_buf_ struct buf story = { 0 };
		size_t len = unit_random(&seed) % sizeof(text);

		for (size_t k = 0; k < len; k++)
			text[k] = pieces[unit_random(&seed) % (sizeof(pieces) - 1)];
		if (len)
			text[0] = '{';
		read_all(text, len, &story);
	}
	CHECK(true);
}

/* As it is left behind where values are used again. */
TEST(of_no_value_nothing_is_read)
{
	struct jsonread_value none = { .kind = JSONREAD_NONE,
				       .bytes = (char *)1,
				       .len = 1 };
	int64_t n;

	CHECK(!jsonread_int(&none, &n));
}
