#pragma once
// Nothing to call: linking this gives the program an allocator that ends it when memory runs out.
