import ArgumentParser
import Inputs
import Posix
import SquashFS
import SquashFSFormat
import Terminal
import TreeModel

/// `autosquash cat`: the contents of files in an image.
struct Cat: FileSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "cat",
    abstract: "Print files of an image, without mounting it.",
    discussion: """
      Each PATH is a file in the image, or a pattern (*, ?, [a-z], ** across directories). \
      Symbolic links are followed within the image.
      """)

  @OptionGroup var image: ImageArguments
  @Argument(help: "Files in the image.") var paths: [ByteArgument]
  @Option(help: "Number of threads that unpack, 1 to 1024. (default: one per processor)")
  var threads: ThreadCount?

  func validate() throws {
    guard !paths.isEmpty else { throw ValidationError("Name a PATH in the image.") }
    for path in paths { try path.refuseEmpty("a path") }
  }

  var subject: [UInt8] { image.image.bytes }

  func execute() throws -> Int32 {
    image.bucket.apply()
    let query = CatQuery(
      image: subject, offset: image.offset, paths: paths.map(\.bytes), threads: threads)
    return try query.execute()
  }
}

/// Which files of an image to print.
struct CatQuery: ImageQuery {
  var image: [UInt8]
  var offset = ImageOffset.start
  var paths: [[UInt8]]
  var threads: ThreadCount?

  func execute() throws -> Int32 {
    let opened = try ImageOpener.open(image, offset: offset)
    var status: Int32 = 0
    var files: [PathPattern.Match] = []
    for path in paths {
      let matches = try PathPattern.find(path, in: opened, followsLast: true)
      if matches.isEmpty {
        complain(try PathPattern.failure(path, in: opened), &status)
      }
      for match in matches {
        guard let inode = try followed(match, in: opened, &status) else { continue }
        if inode.record.type == .file {
          files.append(PathPattern.Match(path: match.path, inode: inode))
        } else {
          let isDirectory = inode.record.type == .directory
          complain(
            "\(match.path.escapedName): \(isDirectory ? "is a directory" : "not a regular file")",
            &status)
        }
      }
    }
    try print(files, of: opened, &status)
    return status
  }

  /// The target of a link that a pattern matched.
  private func followed(
    _ match: PathPattern.Match, in image: Image, _ status: inout Int32
  ) throws -> ImageInode? {
    guard match.inode.record.type == .symlink else { return match.inode }
    let found = try image.lookup(match.path, followsLast: true, isFurther: true)
    if case .success(let inode) = found { return inode }
    complain(PathPattern.failure(match.path, found), &status)
    return nil
  }

  private func print(
    _ files: [PathPattern.Match], of image: Image, _ status: inout Int32
  ) throws {
    var rest = files[...]
    let stream = try ContentStream<PathPattern.Match>(
      image, threads: Process.threadCount(threads)
    ) { rest.popFirst().map { ($0, $0.inode) } }
    var output = StandardOutput()
    let zeros = [UInt8](repeating: 0, count: 64 << 10)
    files: while let file = try stream.nextFile() {
      while let part = try stream.nextPart() {
        switch part {
        case .bytes(let bytes): try output.write(bytes)
        case .hole(var count):
          while count > 0 {
            let step = Int(min(count, UInt64(zeros.count)))
            try zeros.withUnsafeBytes {
              try output.write(UnsafeRawBufferPointer(rebasing: $0[..<step]))
            }
            count -= UInt64(step)
          }
        case .lost(_, let error) where error.code == .unreadable:
          // Not the image's fault, and the next file would fare no better.
          try output.flush()
          throw error
        case .lost(_, let error):
          // Bytes after a gap would pass for those in the gap: go on with the next file.
          complain("\(file.path.escapedName): \(error)", &status)
          continue files
        }
      }
    }
    try image.input.checkUnchanged()
  }

  private func complain(_ text: String, _ status: inout Int32) {
    Messages.write(image, text)
    status = ExitStatus.failed
  }
}
