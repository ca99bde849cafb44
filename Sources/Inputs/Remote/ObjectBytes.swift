package import ObjectStore
package import Posix
package import SquashFS

/// The bytes of an image in a bucket or on the web.
package final class ObjectBytes: ByteSource {
  private let object: RemoteObject

  package var length: UInt64 { object.length }

  /// - Parameter name: of an object that `RemoteObjects.isRemote`.
  /// - Throws: `ImageReadError` with the code `unreadable`.
  package init(_ name: [UInt8]) throws(ImageReadError) {
    do throws(StoreError) { object = try RemoteObjects.open(name) } catch {
      throw ImageReadError(.unreadable, error.message)
    }
  }

  package init(_ object: RemoteObject) { self.object = object }

  package func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(ImageReadError) -> Int { try read(buffer, at: offset, until: nil) }

  package func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, until cancellation: Cancellation?
  ) throws(ImageReadError) -> Int {
    do throws(StoreError) {
      return try object.read(buffer, at: offset, until: cancellation)
    } catch {
      throw ImageReadError(.unreadable, error.message)
    }
  }

  package var wantsHints: Bool { true }

  package func willRead(_ range: Range<UInt64>) { object.willRead(range) }

  package func willRead(inOrder ranges: [Range<UInt64>]) { object.willRead(inOrder: ranges) }

  /// Nothing else is ever read: every request names the version.
  package func checkUnchanged(path: [UInt8]?) {}
}
