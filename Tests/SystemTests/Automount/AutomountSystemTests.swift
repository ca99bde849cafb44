import TestSupport
import Testing

/// The real automounter, kernel, s3fs and S3 server. One after the other, as each starts daemons.
@Suite(.serialized, .enabled(if: SystemTests.canMount)) enum AutomountSystemTests {}
