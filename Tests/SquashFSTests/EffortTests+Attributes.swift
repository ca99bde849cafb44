import Foundation
import SquashFSFormat
import TestSupport
import Testing

/// Small images whose extended attributes cause a lot of work.
extension EffortTests {
  /// A set of attributes that is too large to keep, for thousands of names.
  @Test func manyNamesOfLargeAttributes() throws {
    var image = CraftedImage()
    image.attributes.add(UInt32(65_536))
    image.attributes.bytes += [UInt8](repeating: 7, count: 65_536)
    image.attributeSets.add(image.attributes.reference, UInt32(900), UInt32(0))
    for key in 0..<900 {
      image.attributes.add(UInt16(0x100), UInt16(4))
      image.attributes.bytes += String(format: "%04d", key).utf8
      image.attributes.add(UInt32(8), UInt64(0))
    }
    let fifo = image.addFifo(2, attributes: 0)
    let root = image.addDirectory(
      1,
      (0..<3000).map {
        Entry(name: String(format: "f%05d", $0), inode: fifo, number: 2, type: 6)
      })
    try run(image, root: root)
  }

  /// After thousands of references to one value, a reference to a missing one is still found.
  @Test func aValueThatIsNotThereIsFoundAmongMany() throws {
    var image = CraftedImage()
    image.attributes.add(UInt32(65_536))
    image.attributes.bytes += [UInt8](repeating: 7, count: 65_536)
    var entries: [Entry] = []
    for number in 0..<5000 {
      image.attributeSets.add(image.attributes.reference, UInt32(1), UInt32(0))
      image.attributes.add(UInt16(0x100), UInt16(1))
      image.attributes.bytes += "k".utf8
      image.attributes.add(UInt32(8), UInt64(number == 4999 ? 40_000_000_000 : 0))
      let inode = image.addFifo(UInt32(number + 2), attributes: UInt32(number))
      entries.append(
        Entry(
          name: String(format: "f%05d", number), inode: inode, number: UInt32(number + 2), type: 6))
    }
    let root = image.addDirectory(1, entries)
    try run(image, root: root, [.verify], commands: [])
  }

  /// Thousands of sets of attributes share one huge value.
  @Test func manySetsOfOneValue() throws {
    var image = CraftedImage()
    image.attributes.add(UInt32(65_536))
    image.attributes.bytes += [UInt8](repeating: 7, count: 65_536)
    var entries: [Entry] = []
    for number in 0..<3000 {
      image.attributeSets.add(image.attributes.reference, UInt32(15), UInt32(0))
      for key in 0..<15 {
        let name = "\(number)-\(key)"
        image.attributes.add(UInt16(0x100), UInt16(name.utf8.count))
        image.attributes.bytes += name.utf8
        image.attributes.add(UInt32(8), UInt64(0))
      }
      let inode = image.addFifo(UInt32(number + 2), attributes: UInt32(number))
      entries.append(
        Entry(
          name: String(format: "f%05d", number), inode: inode, number: UInt32(number + 2), type: 6))
    }
    let root = image.addDirectory(1, entries)
    try run(image, root: root)
  }
}
