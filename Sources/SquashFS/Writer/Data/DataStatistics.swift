/// What happened to the bytes of files.
public struct DataStatistics: Sendable {
  public var files = 0
  /// The bytes of all files, holes and duplicates included.
  public var bytes: UInt64 = 0
  /// The bytes not stored because an equal block or tail was there.
  public var duplicateBytes: UInt64 = 0
  /// The bytes of data in the image.
  public var storedBytes: UInt64 = 0
  /// Blocks stored as they are because they do not shrink.
  public var storedPlainBlocks = 0
}
