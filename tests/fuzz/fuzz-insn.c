/* SPDX-License-Identifier: MIT */

/*
 * The decoder and the choice of windows on any bytes: nothing is read behind them,
 * and what is planned is made of whole movable instructions.
 */

#include "fuzz.h"

#include "recorder/insn.h"
#include "recorder/sites.h"
#include "recorder/stub.h"

static void
check_decoder(const uint8_t *bytes, size_t len)
{
	struct insn insn, again, part;
	size_t n = insn_decode(bytes, len, &insn);
	_cleanup_free_ uint8_t *copy = fuzz_copy(bytes, n);

	if (!n)
		return;
	REQUIRE(n <= len && n <= INSN_MAX && insn.len == n);
	REQUIRE(insn_decode(copy, n, &again) == n);
	REQUIRE(again.movable == insn.movable && again.writes_rcx == insn.writes_rcx);
	for (size_t i = 0; i < n; i++)
		REQUIRE(insn_decode(copy, i, &part) == 0);
}

static void
check_behind(const struct site *s)
{
	struct insn insn;
	bool rcx = false, r11 = false;

	for (size_t i = s->syscall_at + 2; i < s->len; i += insn.len) {
		REQUIRE(insn_decode(s->bytes + i, s->len - i, &insn) && insn.movable);
		rcx |= insn.writes_rcx;
		r11 |= insn.writes_r11;
	}
	REQUIRE(rcx == s->rcx_taken && !(rcx && r11));
}

static void
check_site(const uint8_t *bytes, size_t len, const struct site *s)
{
	const struct stub_env env = { 0x70001000, 0x70000010, 0x70002000 };
	uint8_t stub[STUB_MAX], jump[16], at;
	size_t n;

	REQUIRE(s->len >= SITE_MIN && s->len <= SITE_MAX && s->offset + s->len <= len);
	REQUIRE(memcmp(s->bytes, bytes + s->offset, s->len) == 0);
	REQUIRE(s->syscall_at == 0 || (s->syscall_at == 5 && s->len == 7 && s->nr >= 0));
	REQUIRE(memcmp(s->bytes + s->syscall_at, "\x0f\x05", 2) == 0);
	REQUIRE(s->nr >= -1 && s->nr < 1024);
	check_behind(s);
	n = stub_emit(s, &env, s->offset, stub, &at);
	REQUIRE(n && n <= STUB_MAX && memcmp(stub + at, "\x0f\x05", 2) == 0);
	stub_jump(s, 0x70003000, jump);
}

static void
check_scan(const uint8_t *bytes, size_t len)
{
	_cleanup_free_ struct site *v = NULL;
	size_t n = sites_scan(bytes, len, NULL, NULL, &v);

	for (size_t i = 0; i < n; i++) {
		check_site(bytes, len, &v[i]);
		REQUIRE(v[i].sure);
		REQUIRE(i == 0 || v[i - 1].offset + v[i - 1].len <= v[i].offset);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	_cleanup_free_ uint8_t *copy = fuzz_copy(bytes, len);

	check_decoder(copy, len);
	for (size_t i = 0; i < len; i++) {
		struct site s;

		if (site_plan(copy, len, i, &s))
			check_site(copy, len, &s);
	}
	check_scan(copy, len);
	return 0;
}
