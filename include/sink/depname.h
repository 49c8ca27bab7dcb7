/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Names in dependency files
 *
 * How make and ninja want the name of a file to be written, so that they mean that
 * very file.  Neither can have every name; for one that cannot be written nothing
 * is added.  Learnt by trying every byte in every place with GNU make 4.3 and ninja
 * 1.11; what they document is less.
 *
 * make:  A blank, # : or | is escaped by a backslash, and backslashes before it are
 *	doubled; elsewhere they stand for themselves.  $ is doubled.  * ? [ and a
 *	leading ~ or -l would be looked up: they are written as a pattern that fits
 *	this one name.  % is escaped in a target, where it would make a pattern rule.
 *	= and ; have no escape and come out of a function of make's.  Not to be had: a
 *	newline, and a ) at the end, which may look like that of an archive's member.
 * ninja: A blank, # or : is escaped by a backslash; $ is doubled, or let through by a
 *	backslash before it.  Not to be had: control characters, " & ' * ; < > ? ^ ` |
 *	and, at the end, a colon or an odd number of backslashes.
 */

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum depname_place {
	DEPNAME_TARGET, /* before the colon of a rule */
	DEPNAME_INPUT,	/* behind it */
};

/*
 * Adds the @len bytes of @name as @place wants them; false when that syntax has no
 * way to say it.  To be followed by a blank or, as a target, by a colon.
 */
bool depname_make(struct buf *out, const char *name, size_t len,
		  enum depname_place place);
bool depname_ninja(struct buf *out, const char *name, size_t len,
		   enum depname_place place);
