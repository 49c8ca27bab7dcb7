/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "sink/depname.h"

#include <string.h>

typedef bool depname(struct buf *out, const char *name, size_t len,
		     enum depname_place place);

/* @want is NULL where the syntax has no way to say it; then nothing may be added. */
static void
check(int line, depname *add, const char *name, enum depname_place place,
      const char *want)
{
	_cleanup_buf_ struct buf out = { 0 };
	bool ok;

	buf_adds(&out, "\\");
	ok = add(&out, name, strlen(name), place);
	unit_check(__FILE__, line, ok == (want != NULL), "whether it can be said");
	unit_check_str(__FILE__, line, buf_str(&out) + 1, want ? want : "", name);
}

#define INPUT(name, want) check(__LINE__, depname_make, name, DEPNAME_INPUT, want)
#define TARGET(name, want) check(__LINE__, depname_make, name, DEPNAME_TARGET, want)
#define NINJA(name, want) check(__LINE__, depname_ninja, name, DEPNAME_INPUT, want)

TEST(plain_names_stay)
{
	INPUT("/usr/include/c++/12/bits/x86_64.h", "/usr/include/c++/12/bits/x86_64.h");
	TARGET("build/a-1.0~rc+2,x.o", "build/a-1.0~rc+2,x.o");
	NINJA("../src/a_b.c", "../src/a_b.c");
	INPUT("\xc3\xa4\xff\x01", "\xc3\xa4\xff\x01");
	NINJA("\xc3\xa4\xff", "\xc3\xa4\xff");
}

TEST(blanks_and_the_like)
{
	INPUT("a b", "a\\ b");
	INPUT("a\tb", "a\\\tb");
	INPUT("a#b:c|d", "a\\#b\\:c\\|d");
	INPUT("a$b$(c", "a$$b$$(c");
	TARGET("a#b:c|d", "a\\#b\\:c|d");
	TARGET("a\tb", "a$(subst ,\\\t,)b");
	NINJA("a b#c:d$e", "a\\ b\\#c\\:d$$e");
}

TEST(backslashes)
{
	INPUT("a\\b", "a\\b");
	INPUT("a\\ b", "a\\\\\\ b");
	INPUT("a\\\\#", "a\\\\\\\\\\#");
	INPUT("a\\", "a\\\\");
	INPUT("a\\$b", "a\\$$b");
	/* what stood there before is not its own */
	INPUT(" a", "\\ a");
	NINJA("a\\b", "a\\b");
	NINJA("a\\ b", "a\\\\\\ b");
	NINJA("a\\#b", "a\\\\#b");
	NINJA("a\\$b", "a\\$b");
	NINJA("a\\\\$b", "a\\\\$b");
	NINJA("a\\", NULL);
	NINJA("a\\\\", "a\\\\");
}

TEST(what_make_would_look_up)
{
	INPUT("a*b", "a\\*b");
	INPUT("a[1]?", "a\\[1]\\?");
	/* in a pattern every backslash counts, and a blank behind one twice */
	INPUT("a\\b*", "a\\\\b\\*");
	INPUT("a\\ *", "a\\\\\\\\\\ \\*");
	INPUT("~root", "[~]root");
	INPUT("a~", "a~");
	INPUT("-lm", "[-]lm");
	INPUT("-x", "-x");
	INPUT("a%b", "a%b");
	TARGET("a%b", "a\\%b");
	TARGET("a\\%", "a\\\\\\%");
}

TEST(what_has_no_escape)
{
	INPUT("a=b", "a$(subst ,=,)b");
	INPUT("a;b", "a$(subst ,\\;,)b");
	INPUT("a\\;b", "a\\\\$(subst ,\\;,)b");
	INPUT("a ", "a$(subst ,\\ ,)");
	INPUT("a\r", "a$(subst ,\r,)");
	INPUT("a&", "a&");
	TARGET("a&", "a$(subst ,&,)");
	INPUT("define", "./define");
	INPUT("defined", "defined");
	INPUT("\va", "./\va");
}

TEST(what_cannot_be_said)
{
	INPUT("", NULL);
	INPUT("a\nb", NULL);
	INPUT("lib(member)", NULL);
	INPUT("/x (y)/z", "/x\\ (y)/z");
	INPUT("a)", NULL);
	INPUT("(a)b", "(a)b");
	NINJA("", NULL);
	NINJA("a\nb", NULL);
	NINJA("a*b", NULL);
	NINJA("a'b", NULL);
	NINJA("a\x7f", NULL);
	NINJA("a:", NULL);
}
