/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LASTACK_LASTACK_H
#define LASTACK_LASTACK_H

/* lastack: a TCP endpoint that ends every connection as RFC 9293 requires. A program includes this file. */

#include <lastack/addr.h>
#include <lastack/conn.h>
#include <lastack/counters.h>
#include <lastack/io.h>
#include <lastack/shard.h>

#endif
