// list-image IMAGE         prints the paths of all entries
// list-image IMAGE FILE    prints the contents of a file

import Foundation
import SquashFS

let arguments = CommandLine.arguments.dropFirst()
guard let path = arguments.first, arguments.count <= 2 else {
  FileHandle.standardError.write(Data("usage: list-image IMAGE [FILE]\n".utf8))
  exit(64)
}

do {
  let image = try Image(path: path)
  if let file = arguments.dropFirst().first {
    var pieces = try image.pieces(of: ImagePath(file))
    while let piece = try pieces.next() { FileHandle.standardOutput.write(Data(piece)) }
  } else {
    var walk = try image.walk()
    while let entry = try walk.next() { print(entry.path) }
  }
} catch {
  FileHandle.standardError.write(Data("\(path): \(error)\n".utf8))
  exit(1)
}
