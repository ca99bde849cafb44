import TestSupport
import Testing

/// `autosquash doctor --root` for a machine image whose images are mounted from the bucket itself.
@Suite struct DirectMachineImageTests {
  let folder: TemporaryFolder

  /// A complete tree.
  init() throws {
    folder = try TemporaryFolder()
    try sh(
      """
      mkdir -p root; cd root
      mkdir -p etc/systemd/system/multi-user.target.wants usr/bin usr/sbin usr/libexec/autosquash \
        usr/lib/systemd/system usr/lib/modules/6.1.0-50-amd64 usr/lib/x86_64-linux-gnu root/.aws
      for link in bin sbin lib; do ln -s usr/$link $link; done
      for program in bin/autosquash libexec/autosquash/autosquash-map sbin/automount bin/mount; do
        install -m 755 /dev/null usr/$program
      done
      ln -s ../libexec/autosquash/autosquash-map usr/sbin/mount.autosquash
      ln -s libfuse3.so.3.14.0 usr/lib/x86_64-linux-gnu/libfuse3.so.3
      ln -s libcurl.so.4.8.0 usr/lib/x86_64-linux-gnu/libcurl.so.4
      printf '[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' \
        > usr/lib/systemd/system/autofs.service
      ln -s /lib/systemd/system/autofs.service etc/systemd/system/multi-user.target.wants/
      echo '[default]' > root/.aws/credentials; chmod 600 root/.aws/credentials
      printf '%s:\\n' kernel/fs/fuse/fuse.ko kernel/fs/autofs/autofs4.ko \
        > usr/lib/modules/6.1.0-50-amd64/modules.dep
      """)
    let setup = try Tool.run(
      [
        Tool.autosquash, "setup", "--root", folder.path("root"), "--images",
        "s3://edgen-training/autosquash",
      ])
    #expect(setup.status == 0 && setup.errors.isEmpty, "\(setup.summary)")
  }

  @discardableResult
  private func sh(_ script: String) throws -> String {
    try Tool.check(["bash", "-ec", script], in: folder.root).text
  }

  private func doctor() throws -> Tool.Result {
    try Tool.run([Tool.autosquash, "doctor", "--root", folder.path("root")])
  }

  @Test(arguments: [
    ("true", "ok    credentials: R/root/.aws/credentials is there\n"),
    ("cd usr/lib/*-gnu && mv libfuse3.so.3 libfuse3.so.4", "libfuse3.so.4 is there\n"),
    (
      "rm -r root/.aws", "ok    credentials: there is no R/root/.aws/credentials; the machine needs"
    ),
    (
      "rm -r root/.aws; echo 'sign-requests = no' >> etc/autosquash.conf",
      "ok    credentials: none: requests are not signed\n"
    ),
    (
      "mv usr/sbin/mount.autosquash aside; rm sbin; mkdir sbin; mv aside sbin/mount.autosquash",
      "ok    mount: R/sbin/mount.autosquash is there\n"
    ),
  ])
  func aWholeTreeIsFine(change: String, expected: String) throws {
    try sh("cd root; \(change)")
    let told = try doctor()
    #expect(told.status == 0 && told.errors.isEmpty, "\(told.summary)")
    #expect(!told.text.contains("fail ") && !told.text.contains("warn "), "\(told.text)")
    #expect(!told.text.contains("s3fs") && !told.text.contains("loop"), "\(told.text)")
    #expect(
      told.text.contains(expected.replacing("R/", with: folder.path("root/"))), "\(told.text)")
  }

  @Test(arguments: [
    ("rm usr/lib/*-gnu/libfuse3.so.3", "fail  libfuse: libfuse 3, which mounts", "install fuse3\n"),
    ("rm usr/lib/*-gnu/libcurl.so.4", "fail  libcurl: libcurl, which reads", "install libcurl4\n"),
    (
      "rm usr/sbin/mount.autosquash",
      "fail  mount: R/usr/sbin/mount.autosquash, which mount(8) runs",
      "install /tmp/autosquash.deb\n"
    ),
    ("rm usr/bin/mount", "fail  mount: mount, which the automounter runs", "install mount\n"),
    (
      "sed -i /fuse/d usr/lib/modules/*/modules.dep", "fail  kernel: 6.1.0-50-amd64 has no fuse",
      "linux-image-$(dpkg --print-architecture)'\n"
    ),
    (
      "chmod 640 root/.aws/credentials", "warn  credentials: R/root/.aws/credentials has mode 0640",
      "chmod 600 R/root/.aws/credentials\n"
    ),
  ])
  func whatIsMissingIsTold(change: String, expected: String, remedy: String) throws {
    try sh("cd root; \(change)")
    let told = try doctor()
    func placed(_ text: String) -> String { text.replacing("R/", with: folder.path("root/")) }
    #expect(told.text.contains(placed(expected)), "\(told.summary)")
    #expect(told.text.contains(placed(remedy)), "\(told.summary)")
    #expect(told.status == (expected.hasPrefix("fail") ? 1 : 0))
    #expect(told.text.split(separator: "\n").count { !$0.hasPrefix("ok ") } == 2, "\(told.text)")
  }

  /// setup names what is missing, and no s3fs.
  @Test func setupNamesWhatIsMissing() throws {
    try sh("cd root; rm usr/lib/*-gnu/libfuse3.so.3 usr/sbin/automount")
    let again = try Tool.run([Tool.autosquash, "setup", "--root", folder.path("root")])
    #expect(again.status == 0 && !again.errors.contains("s3fs"), "\(again.summary)")
    #expect(
      again.errors.contains("apt-get install fuse3")
        && again.errors.contains("apt-get install autofs"),
      "\(again.summary)")
  }
}
