internal import Posix
internal import SquashFSFormat

/// An image of the catalogue as a line of text.
extension Catalogue.Entry {
  /// Size, time, compressor, and in hexadecimal name, file and problem: fields without blanks.
  var text: [UInt8] {
    let blank = [UInt8(ascii: " ")]
    // A field must not be empty.
    let problem = Array((self.problem.map { "!" + $0 } ?? "-").utf8)
    return Array("\(size) \(modified) \(compressor?.rawValue ?? 0) ".utf8) + name.bytes.hexadecimal
      + blank + file.bytes.hexadecimal + blank + problem.hexadecimal
  }

  /// - Returns: `nil` for what is no such line.
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
