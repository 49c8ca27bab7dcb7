/* SPDX-License-Identifier: MIT */
#include "raw.h"

/* Arguments come out of an array, so that each instruction needs one form only. */
__asm__(".text\n"
	".globl raw_call, raw_call_made, raw_call_end\n"
	"raw_call:\n"
	"	push %rbx\n"
	"	mov %rdx, %rbx\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %r11\n"
	"	mov 0(%r11), %rdi\n"
	"	mov 8(%r11), %rsi\n"
	"	mov 16(%r11), %rdx\n"
	"	mov 24(%r11), %r10\n"
	"	mov 32(%r11), %r8\n"
	"	mov 40(%r11), %r9\n"
	"	syscall\n"
	"raw_call_made:\n"
	"	movl $1, (%rbx)\n"
	"	pop %rbx\n"
	"raw_call_end:\n"
	"	ret\n"

	".globl raw_int80, raw_int80_made, raw_int80_end\n"
	"raw_int80:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	push %r12\n"
	"	mov %rdx, %r12\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %r11\n"
	"	mov 0(%r11), %rbx\n"
	"	mov 8(%r11), %rcx\n"
	"	mov 16(%r11), %rdx\n"
	"	mov 24(%r11), %rsi\n"
	"	mov 32(%r11), %rdi\n"
	"	mov 40(%r11), %rbp\n"
	"	int $0x80\n"
	"raw_int80_made:\n"
	"	movl $1, (%r12)\n"
	"	cltq\n"
	"	pop %r12\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"raw_int80_end:\n"
	"	ret\n"

	/* A child that shares its parent's memory must not touch the stack that it finds. */
	".globl raw_birth\n"
	"raw_birth:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	mov 56(%rdi), %r12\n" /* stack */
	"	mov 64(%rdi), %r13\n" /* run */
	"	mov 72(%rdi), %r14\n" /* data */
	"	mov 0(%rdi), %rax\n"
	"	cmpb $0, 48(%rdi)\n" /* int80 */
	"	jne 1f\n"
	"	mov %rdi, %r11\n"
	"	mov 8(%r11), %rdi\n"
	"	mov 16(%r11), %rsi\n"
	"	mov 24(%r11), %rdx\n"
	"	mov 32(%r11), %r10\n"
	"	mov 40(%r11), %r8\n"
	"	syscall\n"
	"	jmp 2f\n"
	"1:	mov %rdi, %r11\n"
	"	mov 8(%r11), %rbx\n"
	"	mov 16(%r11), %rcx\n"
	"	mov 24(%r11), %rdx\n"
	"	mov 32(%r11), %rsi\n"
	"	mov 40(%r11), %rdi\n"
	"	int $0x80\n"
	"	cltq\n"
	"2:	test %rax, %rax\n"
	"	jz 3f\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n"
	"3:	mov %r12, %rsp\n"
	"	xor %ebp, %ebp\n"
	"	mov %r14, %rdi\n"
	"	call *%r13\n"
	"	hlt\n"

	".globl raw_restorer\n"
	"raw_restorer:\n"
	"	mov $15, %eax\n" /* rt_sigreturn */
	"	syscall\n");

_Static_assert(offsetof(struct birth, int80) == 48, "as raw_birth has it");
_Static_assert(offsetof(struct birth, stack) == 56, "as raw_birth has it");
_Static_assert(offsetof(struct birth, data) == 72, "as raw_birth has it");

void *
memset(void *to, int byte, size_t len)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(len) : "a"(byte) : "memory");
	return to;
}

void *
memcpy(void *to, const void *from, size_t len)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(len) : : "memory");
	return to;
}

int
memcmp(const void *a, const void *b, size_t len)
{
	const unsigned char *x = a, *y = b;

	for (; len; len--, x++, y++)
		if (*x != *y)
			return *x < *y ? -1 : 1;
	return 0;
}

size_t
strlen(const char *s)
{
	const char *end = s;

	/* not a loop that the compiler would make into a call of strlen */
	while (*(const volatile char *)end)
		end++;
	return (size_t)(end - s);
}

char *
put(char *at, const char *text)
{
	size_t len = strlen(text);

	memcpy(at, text, len + 1);
	return at + len;
}

char *
put_number(char *at, unsigned long number)
{
	char digits[24], *d = digits + sizeof(digits) - 1;

	*d = '\0';
	do {
		*--d = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return put(at, d);
}
