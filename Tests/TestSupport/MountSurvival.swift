import Glibc
import Testing

extension OwnMount {
  /// Mounts an image that may be damaged or made to do harm, and goes through all of it: that ends,
  /// and does not end the server. An image may also be refused, with a message.
  public static func expectSurvival(of image: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("mount")
    try Tool.check(["mkdir", path])
    defer { while umount2(path, Int32(MNT_DETACH)) == 0 {} }
    let result = try Tool.autosquash("mount", image, path)
    guard result.status == 0 else {
      #expect([1, 2].contains(result.status), "\(image): \(result.summary)")
      #expect(!result.errors.isEmpty, "\(image)")
      return
    }
    let server = try #require(OwnProcess.all(with: path).first { $0.serves }?.number, "\(image)")
    let script =
      "timeout -k 5 120 find . -xdev -maxdepth 40 -ls >/dev/null 2>&1; test $? -lt 124 || exit 9; "
      + "timeout -k 5 120 find . -xdev -maxdepth 40 -type f -size -1000M -exec cat {} + "
      + ">/dev/null 2>&1; test $? -lt 124 || exit 9; "
      + "timeout -k 5 120 getfattr -hRd . >/dev/null 2>&1; test $? -lt 124 || exit 9; "
      + "stat -f . >/dev/null"
    let walked = try Tool.run(["sh", "-c", script], in: path)
    #expect(walked.status != 9, "\(image) takes too long")
    #expect(OwnProcess.all(with: path).contains { $0.number == server }, "\(image)")
    let ended = try Tool.autosquash("unmount", path)
    #expect(ended.status == 0, "\(image): \(ended.summary)")
    #expect(eventually { OwnProcess.all(with: path).isEmpty }, "\(image)")
  }
}
