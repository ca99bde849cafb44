import Posix
import SquashFS
import SquashFSFormat
import TestSupport
import Testing

/// Images that go out in parts have the bytes of those in a file.
@Suite struct StreamedImageTests {
  private static let blockSize = 4096

  private func options(
    _ method: Compression.Method = .lz4, _ layout: ImageWriter.Layout = .standard, threads: Int = 2
  ) -> ImageWriter.Options {
    var options = ImageWriter.Options()
    options.compression = Compression(method)!
    options.blockSize = BlockSize(byteCount: Self.blockSize)!
    options.threads = threads
    options.layout = layout
    return options
  }

  private func local(
    _ tree: MadeTree, _ options: ImageWriter.Options, _ folder: TemporaryFolder
  ) throws -> (image: [UInt8], summary: ImageWriter.Summary) {
    let file = try AtomicFile(path: HostPath(folder.path("image")), replacing: true)
    let summary = try tree.write(ImageWriter(file, options: options))
    try file.publish()
    return (try folder.read("image"), summary)
  }

  private func writer(
    _ sink: PartCollector, _ options: ImageWriter.Options, _ folder: TemporaryFolder,
    mayLoseFiles: Bool = false
  ) throws -> ImageWriter {
    let scratch = HostPath(folder.path("scratch"))
    return try ImageWriter(
      .parts(sink, scratch: scratch, mayLoseFiles: mayLoseFiles), options: options)
  }

  @Test(arguments: Compression.Method.allCases, 0..<8)
  func theBytesAreThoseOfAFile(method: Compression.Method, variant: Int) throws {
    let folder = try TemporaryFolder()
    for seed in 1...(method == .zstd ? 2 : 1) as ClosedRange<UInt64> {
      let (hasRanks, losesFiles) = (variant & 1 != 0, variant & 2 != 0)
      let tree = MadeTree(
        seed: seed << 8 | UInt64(variant), count: 25, blockSize: Self.blockSize,
        hasRanks: hasRanks, losesFiles: losesFiles)
      let options = options(
        method, variant & 4 == 0 ? .standard : .front, threads: Int(seed))
      let (image, summary) = try local(tree, options, folder)
      for partSize in [64 << 10, 8 << 20] {
        let sink = PartCollector(partSize: partSize)
        let streamed = try tree.write(
          writer(sink, options, folder, mayLoseFiles: losesFiles))
        #expect(sink.image == image, "seed \(seed), parts of \(partSize)")
        #expect(sink.parts.count == 1 || partSize < 8 << 20)
        #expect(streamed.imageBytes == summary.imageBytes)
        #expect(streamed.data.files == summary.data.files)
        #expect(streamed.data.bytes == summary.data.bytes)
        #expect(streamed.data.storedBytes == summary.data.storedBytes)
        #expect(streamed.data.storedPlainBlocks == summary.data.storedPlainBlocks)
        #expect(streamed.data.duplicateBytes == summary.data.duplicateBytes)
      }
    }
  }

  private static func noise(_ megabytes: Int, seed: UInt64) -> [MadeTree.Piece] {
    var random = SeededGenerator(seed)
    return (0..<megabytes).map { _ in
      .bytes((0..<1 << 17).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } })
    }
  }

  /// What an image needs on disk while it goes out: nothing, or one file that may be taken back.
  @Test func scratchSpaceIsThatOfOneFile() throws {
    let folder = try TemporaryFolder()
    let (first, second) = (Self.noise(3, seed: 1), Self.noise(3, seed: 2))
    func most(_ files: [[MadeTree.Piece]], mayLoseFiles: Bool = false) throws -> Int {
      var most = 0
      let measure = { most = max(most, scratchBytes(in: folder)) }
      let sink = PartCollector(partSize: 256 << 10)
      sink.didSend = measure
      let tree = MadeTree(files: files.map { MadeTree.File(pieces: $0) })
      let writer = try writer(sink, options(), folder, mayLoseFiles: mayLoseFiles)
      _ = try tree.write(writer, didAppend: measure)
      return most
    }
    #expect(try most([first, second, first.reversed()]) == 0)
    // The third and fourth file equal the first for a while; the fifth does to its end.
    let changed = [first[0], first[1], second[0]]
    let one = try most([first, second, changed, changed.reversed(), changed, first])
    #expect(one > 1 << 20)
    #expect(one <= 3 << 20)
    #expect(try most([first, second, first], mayLoseFiles: true) <= 3 << 20)
  }

  @Test(arguments: [1, 2, 3], [ImageWriter.Layout.standard, .front])
  func aRefusedPartEndsTheImage(part: Int, layout: ImageWriter.Layout) throws {
    let folder = try TemporaryFolder()
    let tree = MadeTree(
      seed: 5, count: 40, blockSize: Self.blockSize, hasRanks: true, losesFiles: false)
    let sink = PartCollector(partSize: 64 << 10)
    sink.refused = part
    let writer = try writer(sink, options(.gzip, layout), folder)
    #expect(throws: PartCollector.Refused.self) { try tree.write(writer) }
  }

  @Test func theFirstPartHasALimit() throws {
    let folder = try TemporaryFolder()
    let sink = PartCollector(partSize: 64 << 10)
    sink.largestPart = 1 << 20
    var tree = MadeTree(files: [MadeTree.File(pieces: Self.noise(1, seed: 3), rank: 1)])
    let error = #expect(throws: ImageError.self) {
      _ = try tree.write(writer(sink, options(), folder))
    }
    #expect(error?.description.contains("pack to a file") == true)
    tree.files[0].rank = nil
    _ = try tree.write(writer(PartCollector(partSize: 64 << 10), options(), folder))
  }

  /// Bytes that are away cannot be dropped: better no image than one with them.
  @Test func aFileThatIsPartlySentCannotBeLeftOut() throws {
    let folder = try TemporaryFolder()
    let tree = MadeTree(files: [
      MadeTree.File(pieces: Self.noise(1, seed: 4), isAbandoned: true),
      MadeTree.File(pieces: Self.noise(1, seed: 5)),
    ])
    let writer = try writer(PartCollector(partSize: 64 << 10), options(), folder)
    let error = #expect(throws: ImageError.self) { _ = try tree.write(writer) }
    #expect(error?.description.contains("partly sent") == true)
  }
}
