/* SPDX-License-Identifier: MIT */
/*
 * Put before every source by `make tsan`. A thread's cache ends in the last round of destructors of
 * thread-specific data, when ThreadSanitizer has already taken down what it knows of the thread:
 * end it in the round before.
 */
#include <limits.h>

#undef PTHREAD_DESTRUCTOR_ITERATIONS
#define PTHREAD_DESTRUCTOR_ITERATIONS 2
