import TestSupport
import Testing

/// The real automounter, kernel, s3fs and S3 server. Serialized, because each test starts daemons.
@Suite(.serialized, .enabled(if: SystemTests.canMount)) enum AutomountSystemTests {}
