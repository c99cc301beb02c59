// A kernel as a function of JavaScript under WebAssembly: an entry of the module's table.
#pragma once

namespace unrolled {

/** A function of the module: name, and index in the exported table. The last of a list has no name. */
struct Binding {
  const char *name;
  const void *index;
};

} // namespace unrolled
