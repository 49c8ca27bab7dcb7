/* SPDX-License-Identifier: MIT */
/*
 * The way into the recorder and out again.
 *
 * A stub calls recorder_entry with the stack pointer below the interrupted
 * function's red zone and all registers as they were at the syscall instruction.
 * It returns with the result in rax and rcx 0, or with rcx 1 and rax untouched: then
 * the stub makes the call itself, by an instruction that the filter does not
 * trust.  Every register but rax, rcx and r11 keeps its value, flags included.
 *
 * From recorder_framed to recorder_leave a struct frame (recorder/recorder.h) with its
 * mark lies above the stack pointer.  Whatfiles relies on that: it can take a
 * stopped thread out of everything between by setting rsp and r15 to the frame and
 * rip to recorder_decline or recorder_finish.
 */
#define LAYOUT_SECRET 0x70000008 /* struct control.secret at LAYOUT_CODE */

	.section wf_recorder, "ax", @progbits
	.globl	recorder_entry, recorder_framed, recorder_trusted, recorder_returned
	.globl	recorder_finish, recorder_decline, recorder_leave, recorder_own
	.globl	recorder_own_end

	.p2align 4
recorder_entry:
	lea	-16(%rsp), %rsp		/* frame.mark and frame.flight */
	pushfq
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbp
	push	%rbx
	push	%r9
	push	%r8
	push	%r10
	push	%rdx
	push	%rsi
	push	%rdi
	push	%rax
	mov	%rsp, %r15
	mov	LAYOUT_SECRET, %rax
	xor	%rsp, %rax
	mov	%rax, 120(%rsp)
recorder_framed:
	cld
	mov	%r15, %rdi
	call	recorder_before
	test	%eax, %eax
	jnz	recorder_decline
	mov	0(%r15), %rax
	mov	8(%r15), %rdi
	mov	16(%r15), %rsi
	mov	24(%r15), %rdx
	mov	32(%r15), %r10
	mov	40(%r15), %r8
	mov	48(%r15), %r9
recorder_trusted:
	syscall
recorder_returned:
	mov	%rax, 0(%r15)
	mov	%r15, %rdi
	call	recorder_after
recorder_finish:
	xor	%ecx, %ecx
	jmp	recorder_leave
recorder_decline:
	mov	$1, %ecx
recorder_leave:
	movq	$0, 120(%r15)
	pop	%rax
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%r10
	pop	%r8
	pop	%r9
	pop	%rbx
	pop	%rbp
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	popfq
	lea	16(%rsp), %rsp
	ret

/* The recorder's own calls: number in rdi, arguments behind it as C has them. */
	.p2align 4
recorder_own:
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %r10
	syscall
recorder_own_end:
	ret

	.section .note.GNU-stack, "", @progbits
