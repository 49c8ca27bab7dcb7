/* SPDX-License-Identifier: MIT */
/* Shows i386 calls that 64-bit code makes by int 0x80: other numbers, 32-bit arguments. */

#include "ops-expect.h"

/* i386 numbers */
enum { I386_WRITE = 4, I386_OPEN = 5, I386_RENAME = 38, I386_SOCKETCALL = 102 };
enum { I386_OPENAT = 295, I386_NONE = 222 };

/* The upper halves of the registers, which the kernel does not look at. */
static unsigned long garbage;

static long
int80(int nr, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(nr), "b"(a | garbage), "c"(b | garbage), "d"(c | garbage),
			   "S"(d | garbage)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

/* A copy of @text in the first 4 GiB. */
static unsigned long
low(const void *text, size_t len)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (page == MAP_FAILED)
		fail("mmap");
	memcpy(page, text, len);
	return (uintptr_t)page;
}

static unsigned long
low_name(const char *name)
{
	return low(name, strlen(name) + 1);
}

static void
calls(void)
{
	int dir;

	make_dir("d");
	make("d/f");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	begin();
	expect("read", in("d/f"), NULL, "open",
	       int80(I386_OPEN, low_name("d/f"), O_RDONLY, 0, 0));
	expect("create", in("new"), NULL, "open",
	       int80(I386_OPEN, low_name("new"), O_WRONLY | O_CREAT, 0644, 0));
	expect("read", in("none"), NULL, "open",
	       int80(I386_OPEN, low_name("none"), 0, 0, 0));
	expect("rename", in("new"), in("newer"), "rename",
	       int80(I386_RENAME, low_name("new"), low_name("newer"), 0, 0));
	expect("write", in("d/f"), NULL, "openat",
	       int80(I386_OPENAT, (unsigned)dir, low_name("f"), O_WRONLY, 0));
	expect("rdwr", in("d/f"), NULL, "openat",
	       int80(I386_OPENAT, (unsigned)AT_FDCWD, low_name("d/f"), O_RDWR, 0));
	expect("read", "", NULL, "open", int80(I386_OPEN, 8, O_RDONLY, 0, 0));
}

TEST(plain)
{
	calls();
}

TEST(upper_halves)
{
	garbage = 0xdeadbeef00000000;
	calls();
}

/* The same numbers mean stat and sysfs on x86_64. */
TEST(numbers_are_not_mixed_up)
{
	unsigned long name = low_name("f");

	make("f");
	begin();
	int80(I386_WRITE, (unsigned)-1, name, 1, 0);
	int80(I386_NONE, name, name, 0, 0);
	CALL("read", in("f"), NULL, open, "f", O_RDONLY);
	expect("read", in("f"), NULL, "open", int80(I386_OPEN, name, O_RDONLY, 0, 0));
}

TEST(socketcall)
{
	struct {
		unsigned short family;
		char path[108];
	} address = { 1 /* AF_UNIX */, "socket" }, abstract = { 1, "\0abstract" };
	uint32_t args[3] = { 0, (uint32_t)low(&address, sizeof(address)),
			     sizeof(address) };
	uint32_t other[3] = { 0, (uint32_t)low(&abstract, sizeof(abstract)), 12 };
	int server = (int)RAW(SYS_socket, 1, 1, 0),
	    client = (int)RAW(SYS_socket, 1, 1, 0);

	begin();
	args[0] = (uint32_t)server;
	expect("bind", in("socket"), NULL, "socketcall",
	       int80(I386_SOCKETCALL, 2, low(args, sizeof(args)), 0, 0));
	int80(I386_SOCKETCALL, 4 /* listen */,
	      low((uint32_t[]){ (uint32_t)server, 5 }, 8), 0, 0);
	args[0] = other[0] = (uint32_t)client;
	int80(I386_SOCKETCALL, 3, low(other, sizeof(other)), 0, 0);
	expect("connect", in("socket"), NULL, "socketcall",
	       int80(I386_SOCKETCALL, 3, low(args, sizeof(args)), 0, 0));
}
