import CLZMA
import Glibc

/// liblzma's working memory, kept between blocks.
///
/// Each block makes liblzma allocate the same few regions (2.7 MB at preset 6) and free them;
/// reusing freed ones saves page faults worth 3 to 5 % of the time. If too many accumulate,
/// regions of sizes that are no longer needed are freed.
final class LZMAArena {
  private struct Region {
    var base: UnsafeMutableRawPointer
    var size: Int
    var isUsed: Bool
  }
  private var regions: [Region] = []
  private static let mostRegions = 24

  init() { regions.reserveCapacity(Self.mostRegions + 1) }
  deinit { for region in regions { Glibc.free(region.base) } }

  func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    for index in regions.indices where !regions[index].isUsed && regions[index].size == size {
      regions[index].isUsed = true
      return regions[index].base
    }
    if regions.count >= Self.mostRegions, let spare = regions.firstIndex(where: { !$0.isUsed }) {
      Glibc.free(regions.remove(at: spare).base)
    }
    // Not Swift's allocate, which ends the program when memory runs out.
    guard let base = malloc(max(size, 1)) else { return nil }
    regions.append(Region(base: base, size: size, isUsed: true))
    return base
  }

  func free(_ pointer: UnsafeMutableRawPointer) {
    for index in regions.indices where regions[index].base == pointer {
      regions[index].isUsed = false
      // Do not keep what only an unusual block needed.
      if regions[index].size > Self.largestKept { Glibc.free(regions.remove(at: index).base) }
      return
    }
  }

  private static let largestKept = 16 << 20

  /// A C allocator that borrows this arena and must not outlive it.
  func makeAllocator() -> lzma_allocator {
    lzma_allocator(
      alloc: { arena, count, size in
        let (total, overflow) = count.multipliedReportingOverflow(by: size)
        guard !overflow else { return nil }
        return Unmanaged<LZMAArena>.fromOpaque(arena!).takeUnretainedValue().allocate(total)
      },
      free: { arena, pointer in
        guard let pointer else { return }
        Unmanaged<LZMAArena>.fromOpaque(arena!).takeUnretainedValue().free(pointer)
      },
      opaque: Unmanaged.passUnretained(self).toOpaque())
  }
}
