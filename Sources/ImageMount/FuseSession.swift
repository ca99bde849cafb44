import CFuse
import Glibc
package import Posix

/// The connection to the kernel through which a mounted image answers requests.
package final class FuseSession: @unchecked Sendable {
  private let session: OpaquePointer
  private let slot = Slot()

  /// The image for the callbacks, which come after `serve`.
  private final class Slot {
    var image: MountedImage?
  }

  /// Loads libfuse and makes a session that is not mounted yet.
  ///
  /// - Parameter options: as for `mount -o`.
  /// - Throws: `MountError`.
  package init(options: MountOptions) throws(MountError) {
    try Libfuse.load()
    var operations = Self.operations
    let image = Unmanaged.passUnretained(slot).toOpaque()
    let made = options.text.withCPath { cfuse_new($0, &operations, image) }
    guard let made else { throw MountError(.refused, Libfuse.messages ?? "invalid options") }
    session = made
  }

  /// Mounts it.
  ///
  /// - Parameter folder: an absolute path; `/dev/fd/NUMBER` is a connection that exists already.
  /// - Throws: `MountError`.
  package func mount(on folder: [UInt8]) throws(MountError) {
    let (isMounted, output) = CapturedErrors.during {
      folder.withCPath { cfuse_mount(session, $0) } != 0
    }
    guard isMounted else {
      throw MountError.explaining(output + [UInt8]((Libfuse.messages ?? "").utf8))
    }
  }

  /// Answers requests until the file system is unmounted, on threads of their own.
  ///
  /// - Parameter onEnd: called once, on one of them.
  /// - Throws: `SystemError` if the system cannot start even one thread.
  package func serve(
    _ image: MountedImage, onEnd: @escaping @Sendable () -> Void
  ) throws(SystemError) {
    slot.image = image
    cfuse_begin(session)
    for number in 0..<image.threads {
      do throws(SystemError) {
        try WorkerThread { [self] in
          cfuse_serve(session)
          onEnd()
        }.detach()
      } catch {
        if number == 0 { throw error }
        break
      }
    }
  }

  /// Lets go of all it has, once its threads have ended and every request is answered.
  package func close() {
    slot.image?.unpackers.finish()
    slot.image = nil
    cfuse_close(session)
  }

  private static func image(_ pointer: UnsafeMutableRawPointer?) -> MountedImage {
    Unmanaged<Slot>.fromOpaque(pointer!)._withUnsafeGuaranteedRef { $0.image! }
  }

  private static let operations = cfuse_operations(
    lookup: { FuseSession.image($0).lookup(Request(pointer: $1!), $2, [UInt8](cString: $3!)) },
    attributes: { FuseSession.image($0).attributes(Request(pointer: $1!), $2) },
    target: { FuseSession.image($0).target(Request(pointer: $1!), $2) },
    read: { FuseSession.image($0).read(Request(pointer: $1!), $2, size: $3, offset: $4) },
    seek: { FuseSession.image($0).seek(Request(pointer: $1!), $2, offset: $3, whence: $4) },
    list: {
      FuseSession.image($0).list(
        Request(pointer: $1!), $2, room: $3, offset: $4, isPlus: $5 != 0)
    },
    statistics: { FuseSession.image($0).statistics(Request(pointer: $1!)) },
    xattr: {
      FuseSession.image($0).xattr(Request(pointer: $1!), $2, [UInt8](cString: $3!), room: $4)
    },
    xattrs: { FuseSession.image($0).xattrs(Request(pointer: $1!), $2, room: $3) })
}
