import Glibc
import TestSupport
import Testing

/// The real automounter, kernel, s3fs and S3 server. Serialized, because each test starts daemons.
@Suite(.serialized, .enabled(if: SystemTests.canMount)) enum AutomountSystemTests {
  /// mount(8) finds its helper in one place only.
  static func withMountHelper(_ body: () throws -> Void) throws {
    let helper = "/sbin/mount.autosquash"
    try Tool.check(["ln", "-sf", Tool.autosquashMap, helper])
    defer { unlink(helper) }
    try body()
  }
}
