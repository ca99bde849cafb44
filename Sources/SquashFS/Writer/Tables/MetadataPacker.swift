import SquashFSFormat

/// Compresses the metadata blocks of an image on the threads that have compressed its data.
///
/// Inodes contain the starts of blocks of the directory table and the other way round, and the
/// start of a block is known when all blocks before it are packed. So tables are laid out with the
/// numbers of blocks, and each block waits here until the starts that it needs are known. Records
/// refer only to what is laid out before them: the block that has waited longest can always go.
///
/// The blocks of each table are compressed, and come back, in their order; what they contain does
/// not depend on timing.
final class MetadataPacker {
  private let pool: CompressionPool
  /// The tables to be packed.
  private var writers: [MetadataWriter] = []
  /// The tables of the blocks in flight, oldest first.
  private var inFlight: [MetadataWriter] = []
  private var waiting = 0
  private let mostWaiting: Int

  /// - Parameter pool: used by nothing else from now on.
  init(_ pool: CompressionPool) {
    self.pool = pool
    // Enough to find blocks that can go.
    mostWaiting = max(64, 4 * pool.window)
  }

  func add(_ writer: MetadataWriter) { writers.append(writer) }

  /// Called when a block is laid out: compresses what can be compressed.
  func advance() throws {
    waiting += 1
    try submitReady()
    while waiting > mostWaiting { try retireOldest() }
  }

  /// Packs all blocks of a table that are laid out.
  func pack(_ writer: MetadataWriter) throws {
    try submitReady()
    while writer.isWaiting { try retireOldest() }
  }

  /// Forgets a table, all of which is packed.
  func remove(_ writer: MetadataWriter) { writers.removeAll { $0 === writer } }

  private func retireOldest() throws {
    try retire()
    try submitReady()
  }

  private func retire() throws {
    let slot = try pool.retire()
    inFlight.removeFirst().take(slot)
  }

  /// Passes on all blocks for which all starts are known.
  private func submitReady() throws {
    for writer in writers {
      while try writer.resolveNext() {
        waiting -= 1
        guard let plain = writer.nextToCompress() else { continue }
        while pool.freeSlot == nil { try retire() }
        let slot = pool.freeSlot!
        slot.fill(with: plain)
        slot.job = .metadata(writer.shape)
        pool.submit()
        inFlight.append(writer)
      }
    }
  }
}
