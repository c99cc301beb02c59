// A kernel as a function of JavaScript under WebAssembly: an entry of the module's table.
#pragma once

#include "calls.h"

namespace unrolled {

/** A function of the module: name, index in the exported table, and that of its entry for `replay`. The last of a list has no name. */
struct Binding {
  const char *name;
  const void *index;
  Entry *entry;
};

} // namespace unrolled
