// make-image IMAGE    makes an image of what is in this program, and verifies it

import Foundation
import SquashFS

guard CommandLine.arguments.count == 2 else {
  FileHandle.standardError.write(Data("usage: make-image IMAGE\n".utf8))
  exit(64)
}
let path = CommandLine.arguments[1]

do {
  var options = ImageBuilder.Options()
  options.compression = Compression(.zstd)!
  options.replacesExisting = true
  var builder = try ImageBuilder(path: path, options: options)
  try builder.addFile("docs/readme.txt", contents: Array("Made by a program.\n".utf8))
  // A large file comes in pieces, each made when it is wanted.
  let lines = (1...100_000).lazy.map { Array("\($0)\n".utf8) }
  try builder.addFile("docs/numbers", pieces: lines)
  try builder.addSymbolicLink("readme", to: "docs/readme.txt")
  try builder.addHardLink("copy", to: "docs/readme.txt")
  try builder.addDirectory("tmp", FileMetadata(permissions: 0o1777))
  let summary = try builder.finish()

  let report = try Verifier.verify(path: path)
  print("\(summary.inodeCount) inodes; \(report.isWhole ? "whole" : "damaged")")
} catch {
  FileHandle.standardError.write(Data("\(path): \(error)\n".utf8))
  exit(1)
}
