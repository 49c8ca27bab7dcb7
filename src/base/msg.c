/* SPDX-License-Identifier: MIT */
#include "base/msg.h"

#include "base/buf.h"
#include "base/escape.h"
#include "base/fdio.h"

#include <errno.h>
#include <stdarg.h>

static bool debug_on;
static const char *program = "whatfiles";

static void say(const char *fmt, va_list args) _printf_(1, 0);

static void
say(const char *fmt, va_list args)
{
	_cleanup_buf_ struct buf text = { 0 }, line = { 0 };
	int error = errno;
	size_t len = strlen(fmt);

	buf_vprintf(&text, fmt, args);
	if (len && fmt[len - 1] == ':')
		buf_printf(&text, " %s", strerror(error));
	buf_printf(&line, "%s: ", program);
	escape_message(&line, text.data, text.len);
	buf_addc(&line, '\n');
	/* where stderr is closed or full there is nobody to tell */
	fdio_write_all(STDERR_FILENO, line.data, line.len, NULL);
	errno = error;
}

void
msg_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void
msg_die(int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	exit(status);
}

void
msg_debug(const char *fmt, ...)
{
	va_list args;

	if (!debug_on)
		return;
	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void
msg_debug_enable(bool on)
{
	debug_on = on;
}

void
msg_program(const char *name)
{
	program = name;
}
