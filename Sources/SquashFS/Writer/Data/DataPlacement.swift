/// Where to move data that was written in another order: the files of an access order are written
/// last, but come first in the image.
struct DataPlacement {
  /// Where the data was written: first what has no place in an access order, then what has.
  var written: Range<UInt64>
  /// The start of the second part.
  var rankedStart: UInt64
  /// The start of the data in the image, at or after `written`.
  var start: UInt64

  private var rankedBytes: UInt64 { written.upperBound - rankedStart }

  /// Where the image has the data of the access order.
  var ranked: Range<UInt64> { start..<start + rankedBytes }

  /// The distance by which the first part moves.
  var shift: UInt64 { start - written.lowerBound + rankedBytes }

  /// The end of the data in the image.
  var end: UInt64 { start + (written.upperBound - written.lowerBound) }

  /// The place in the image of a block that was written at `position`.
  func place(of position: UInt64) -> UInt64 {
    position < rankedStart ? position + shift : start + (position - rankedStart)
  }

  /// Moves the written data to its place.
  func apply(to image: LocalImage) throws {
    guard shift > 0 else { return }
    if rankedStart == written.upperBound, image.insertRoom(shift, at: written.lowerBound) {
      image.rewind(to: end)
      return
    }
    // The second part needs room that the first has to make, so it takes the longer way.
    if rankedStart == written.lowerBound {
      try image.move(written, to: start)
    } else {
      try image.move(written, to: written.lowerBound + shift)
      try image.move(rankedStart + shift..<written.upperBound + shift, to: start)
    }
    image.rewind(to: end)
  }
}
