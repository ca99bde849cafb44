import Posix
import SquashFSFormat

/// An image of the catalogue as a line of text.
extension Catalogue.Entry {
  /// Size, time, compressor; then name, file and problem in hexadecimal: fields without blanks.
  var text: [UInt8] {
    let blank = [UInt8(ascii: " ")]
    // A field must not be empty.
    let problem = Array((self.problem.map { "!" + $0 } ?? "-").utf8)
    return Array("\(size) \(modified) \(compressor?.rawValue ?? 0) ".utf8) + name.bytes.hexadecimal
      + blank + file.bytes.hexadecimal + blank + problem.hexadecimal
  }

  /// - Returns: `nil` if the text is not such a line.
  init?(text: ArraySlice<UInt8>) {
    let fields = text.split(separator: UInt8(ascii: " "))
    guard fields.count == 6, let size = UInt64(String(decoding: fields[0], as: UTF8.self)),
      let modified = Int64(String(decoding: fields[1], as: UTF8.self)),
      let compressor = UInt16(String(decoding: fields[2], as: UTF8.self)),
      let name = [UInt8](hexadecimal: fields[3]).flatMap({ RelativePath($0) }),
      let file = [UInt8](hexadecimal: fields[4]).flatMap({ RelativePath($0) }),
      let problem = [UInt8](hexadecimal: fields[5])
    else { return nil }
    self.init(
      name: name, file: file, size: size, modified: modified,
      compressor: CompressorID(rawValue: compressor),
      problem: problem.first == UInt8(ascii: "!")
        ? String(decoding: problem.dropFirst(), as: UTF8.self) : nil)
  }
}

extension Catalogue: WireCodable {
  /// A line for each image, and one that begins with a question mark for each folder that could not
  /// be read.
  public var wireBytes: [UInt8] {
    let newline = [UInt8(ascii: "\n")]
    var bytes: [UInt8] = []
    for entry in images { bytes += entry.text + newline }
    for folder in unreadable {
      bytes += Array("? ".utf8) + folder.path.bytes.hexadecimal + Array(" ".utf8)
      bytes += Array(folder.text.utf8).hexadecimal + newline
    }
    return bytes
  }

  public init?(wireBytes: [UInt8]) {
    self.init(images: [])
    for line in wireBytes.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "))
      if let entry = Entry(text: line) {
        images.append(entry)
      } else if fields.count == 3,
        let folder = [UInt8](hexadecimal: fields[1]).flatMap({ RelativePath($0) }),
        let text = [UInt8](hexadecimal: fields[2])
      {
        unreadable.append((folder, String(decoding: text, as: UTF8.self)))
      } else {
        return nil
      }
    }
  }
}
