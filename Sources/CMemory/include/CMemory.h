#pragma once
// Nothing to call: the program that this is linked into has an allocator that ends it where there is
// no memory.
