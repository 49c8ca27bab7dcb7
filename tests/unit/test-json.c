/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "base/json.h"

TEST(values_and_commas)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct json j;

	json_init(&j, &out);
	json_object(&j, NULL);
	json_int(&j, "i", -7);
	json_bool(&j, "t", true);
	json_bool(&j, "f", false);
	json_array(&j, "a");
	json_array_end(&j);
	json_array(&j, "b");
	json_int(&j, NULL, 1);
	json_int(&j, NULL, 2);
	json_object(&j, NULL);
	json_object_end(&j);
	json_array_end(&j);
	json_object(&j, "o");
	json_string(&j, "s", "x");
	json_object_end(&j);
	json_string(&j, "z", "");
	json_object_end(&j);
	CHECK_STR(buf_str(&out),
		  "{\"i\":-7,\"t\":true,\"f\":false,\"a\":[],\"b\":[1,2,{}],"
		  "\"o\":{\"s\":\"x\"},\"z\":\"\"}");
}

TEST(starts_at_the_end_of_the_buffer)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct json j;

	buf_adds(&out, "x\n");
	json_init(&j, &out);
	json_int(&j, NULL, 1);
	CHECK_STR(buf_str(&out), "x\n1");
}

static void
check_int(int64_t value, const char *want)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct json j;

	json_init(&j, &out);
	json_int(&j, NULL, value);
	CHECK_STR(buf_str(&out), want);
}

TEST(integers)
{
	check_int(0, "0");
	check_int(INT64_MAX, "9223372036854775807");
	check_int(INT64_MIN, "-9223372036854775808");
}

static void
check_seconds(uint64_t ns, const char *want)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct json j;

	json_init(&j, &out);
	json_seconds(&j, NULL, ns);
	CHECK_STR(buf_str(&out), want);
}

TEST(seconds_are_exact)
{
	check_seconds(0, "0.000000000");
	check_seconds(1, "0.000000001");
	check_seconds(12345678, "0.012345678");
	check_seconds(1000000000, "1.000000000");
	check_seconds(UINT64_MAX, "18446744073.709551615");
}

TEST(microseconds_are_exact)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct json j;

	json_init(&j, &out);
	json_array(&j, NULL);
	json_microseconds(&j, NULL, 0);
	json_microseconds(&j, NULL, 1001);
	json_microseconds(&j, NULL, UINT64_MAX);
	json_array_end(&j);
	CHECK_STR(buf_str(&out), "[0.000,1.001,18446744073709551.615]");
}

static void
check_name(const char *bytes, size_t len, const char *keyed, const char *element)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct json j;

	json_init(&j, &out);
	json_object(&j, NULL);
	json_name(&j, "k", bytes, len);
	json_object_end(&j);
	CHECK_STR(buf_str(&out), keyed);

	buf_reset(&out);
	json_init(&j, &out);
	json_array(&j, NULL);
	json_name(&j, NULL, bytes, len);
	json_name(&j, NULL, "", 0);
	json_array_end(&j);
	CHECK_STR(buf_str(&out), element);
}

TEST(names)
{
	check_name("a/\"b\\\n\t\x01\x7f", 9,
		   "{\"k\":\"a/\\\"b\\\\\\n\\t\\u0001\\u007f\"}",
		   "[\"a/\\\"b\\\\\\n\\t\\u0001\\u007f\",\"\"]");
	check_name("\xc3\xa4", 2, "{\"k\":\"\xc3\xa4\"}", "[\"\xc3\xa4\",\"\"]");
	check_name("\xe2\x80\xae\xc2\x9b", 5, "{\"k\":\"\\u202e\\u009b\"}",
		   "[\"\\u202e\\u009b\",\"\"]");
	check_name("a\0b", 3, "{\"k\":\"a\\u0000b\"}", "[\"a\\u0000b\",\"\"]");
	check_name(NULL, 0, "{\"k\":\"\"}", "[\"\",\"\"]");
}

TEST(names_that_are_no_utf8)
{
	check_name("a\xff", 2, "{\"k\":\"a\xef\xbf\xbd\",\"k_hex\":\"61ff\"}",
		   "[{\"text\":\"a\xef\xbf\xbd\",\"hex\":\"61ff\"},\"\"]");
}

TEST(deepest)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct json j;

	json_init(&j, &out);
	for (int i = 1; i < JSON_DEPTH; i++)
		json_array(&j, NULL);
	for (int i = 1; i < JSON_DEPTH; i++)
		json_array_end(&j);
	CHECK_STR(buf_str(&out), "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]");
}
