/// What users of mksquashfs, tar, ls, diff or aws may try, and its equivalent here.
enum Habits {
  // MARK: Commands

  /// Other words for this program's commands.
  private static let means: [(words: String, command: String)] = [
    ("unpack x unsquashfs untar uncompress decompress unzip rdsquashfs restore", "extract"),
    ("create c mksquashfs sqfstar tar2sqfs gensquashfs build compress make squash", "pack"),
    ("check test fsck fsck.squashfs validate integrity", "verify"),
    ("list dir t", "ls"),
    ("tree find ll", "ls -lR"),
    ("stat show du size", "info"),
    ("squashfuse squashfuse_ll", "mount"),
    ("umount fusermount fusermount3 eject", "unmount"),
    ("print head less more zcat grep", "cat"),
    ("compare cmp sqfsdiff", "diff"),
    ("hash sum checksum sha256sum md5sum mtree", "manifest"),
    ("install init configure", "setup"),
    ("uninstall", "setup --remove"),
    ("status health", "doctor"),
    ("link", "overlay link"),
    ("unlink", "overlay unlink"),
    ("prune", "overlay prune"),
    ("man", "help"),
    ("version", "--version"),
  ]

  /// Words for tasks this program leaves to others.
  private static let others: [(words: String, advice: String)] = [
    ("tar zip archive", "'autosquash pack' makes an image, 'autosquash extract' unpacks one"),
    (
      "download sync copy cp put push get pull",
      "'autosquash upload' puts an image into a bucket, 'aws s3 cp' fetches one"
    ),
    (
      "append add update delete remove rm mv rename",
      "an image never changes: 'autosquash pack' makes a new one"
    ),
    (
      "convert repack recompress",
      "'autosquash extract IMAGE --to-tar - | autosquash pack - -o OTHER' repacks its files"
    ),
  ]

  static func command(_ word: String) -> String? {
    func has(_ words: String) -> Bool { words.split(separator: " ").contains { $0 == word } }
    if let known = means.first(where: { has($0.words) }) {
      return "it is 'autosquash \(known.command)' here"
    }
    return others.first { has($0.words) }?.advice
  }

  static var commandWords: [String] {
    (means.map(\.words) + others.map(\.words)).flatMap { $0.split(separator: " ") }.map(String.init)
  }

  // MARK: Options

  /// Names of options that several commands have; only for those commands.
  static let everywhere: [(words: [String], option: String)] = [
    ("-j -T -processors --processors --jobs --parallel", "threads"),
    ("-s -S --silent", "quiet"),
    ("-n --dryrun --simulate --just-print", "dry-run"),
    ("-y --yes --overwrite --clobber", "force"),
    ("-V -version", "version"),
    ("-?", "help"),
  ].map { (words: $0.split(separator: " ").map(String.init), option: $1) }

  /// Advice for any other option, unless it lists the existing ones.
  static let otherwise = [
    "trace":
      "options of the command come after --: autosquash trace -o FILE -- COMMAND …"
  ]

  /// - Parameter command: empty for the program itself.
  static func options(of command: String) -> [Habit] {
    switch command {
    case "": program
    case "pack": pack
    case "upload": upload
    case "extract": extract
    case "ls": list
    case "cat": cat
    case "info": info
    case "verify": verify
    case "diff": diff
    case "manifest": manifest
    case "overlay": overlay
    case "setup": setup
    default: []
    }
  }

  private static let program = [
    Habit("-c -cf -cvf -czf -czvf -cJf -cJvf -caf --create", .means("autosquash pack")),
    Habit("-x -xf -xvf -xzf -xzvf -xJf -xJvf -xaf -d --extract", .means("autosquash extract")),
    Habit("-t -tf -tvf -tzf -tzvf -l -ll -lls --list", .means("autosquash ls -R")),
    Habit("-s -stat --stat --info", .means("autosquash info")),
    Habit("-cat", .means("autosquash cat")),
    Habit("-v", .means("--version")),
  ]

  private static let pack =
    mksquashfs + tar + [
      Habit("-0 -1 -2 -3 -4 -5 -6 -7 -8 -9", .means("--level")),
      Habit("-y --yes", .means("--force")),
      Habit("-k --keep", .isDefault("an existing image stays, unless --force")),
    ]

  /// Those of aws s3 cp.
  private static let upload = [
    Habit("--only-show-errors", .means("--quiet")),
    Habit("--no-progress", .means("--progress never")),
    Habit("--no-overwrite --no-clobber", .isDefault("an existing object stays, unless --force")),
    Habit("--size-only --update", .means("--skip-existing, which also compares checksums")),
    Habit("--recursive -r", .use("'*.squash' for all images of a folder")),
    Habit(
      "--content-type --expected-size --checksum-algorithm --metadata",
      .isDefault("that is chosen for each file")),
  ]

  private static let mksquashfs = [
    Habit("-comp --comp --compressor", .means("--compression")),
    Habit("-Xcompression-level", .means("--level")),
    Habit("-Xhc", .use("--compression lz4 --level 12")),
    Habit("-Xbcj", .means("--bcj")),
    Habit("-Xdict-size", .isDefault("the dictionary fits the blocks")),
    Habit("--comp-extra -Xwindow-size -Xstrategy", .use("--level to set a compressor")),
    Habit("-num-jobs --num-jobs", .means("--threads")),
    Habit(
      "-noappend -no-append",
      .isDefault("images are never appended to; --force replaces an existing one")),
    Habit(
      "-all-root -root-owned --all-root --no-same-owner",
      .isDefault("everything belongs to root already")),
    Habit(
      "-force-uid -force-gid -set-uid -set-gid --set-uid --set-gid --owner --group --chown --uid "
        + "--gid --force-uid --force-gid",
      .use("--ownership UID:GID, in numbers")),
    Habit("-uid-gid-offset -uid-offset -gid-offset", .use("--uid-map and --gid-map")),
    Habit(
      "-root-mode -root-uid -root-gid -p -pf -pd -pseudo-override --pack-file",
      .use("an mtree specification (NAME.mtree) as source: it sets single files, owners and modes")),
    Habit("-e -E --ignore -exclude-file", .use("--exclude PATTERN, once for each")),
    Habit("-ef -exclude-list", .means("--exclude-from")),
    Habit("-wildcards", .isDefault("patterns are wildcards already")),
    Habit("-regex", .hasNone("patterns are wildcards: --exclude '*.bam'")),
    Habit("-sort --sort-file", .use("--order FILE, a list of paths in the order wanted")),
    Habit("-no-xattrs --no-xattrs --no-xattr", .use("--xattrs none")),
    Habit("-user-xattrs", .use("--xattrs 'user.*'")),
    Habit(
      "-xattrs-include -xattrs-exclude --xattrs-include --xattrs-exclude",
      .use("--xattrs with patterns of the names to take")),
    Habit("-no-hardlinks --hard-dereference", .means("--no-hard-links")),
    Habit("-no-duplicates", .hasNone("equal files are always stored once")),
    Habit(
      "-no-fragments -always-use-fragments -tailends -no-tailends --no-tail-packing",
      .hasNone("ends of files always share blocks")),
    Habit("-no-sparse", .hasNone("holes always stay holes")),
    Habit("-noI -noId -noD -noF -noX", .use("--compression none")),
    Habit("-nopad", .hasNone("Linux mounts only images that are padded")),
    Habit("-no-exports", .isDefault("there is no export table, unless --exports")),
    Habit("-mem -mem-percent -mem-default --queue-backlog", .isDefault("it needs little memory")),
    Habit("-info", .use("--dry-run, which lists the files to pack")),
    Habit("-percentage", .use("--progress always")),
    Habit("-no-progress --no-progress", .use("--progress never")),
    Habit("-all-time -inode-time", .means("--mtime")),
    Habit("-mkfs-time -fstime", .use("the variable SOURCE_DATE_EPOCH")),
    Habit("-reproducible", .isDefault("the same source makes the same image")),
    Habit("-keep-as-directory -no-strip", .use("--prefix NAME to keep the directory's name")),
    Habit("-tar -tarstyle", .isDefault("archives are recognised")),
    Habit("-recover -no-recovery", .isDefault("an image appears only when it is complete")),
    Habit("-exit-on-error", .isDefault("an error ends it")),
  ]

  private static let tar = [
    Habit("-C --directory --cd", .use("the path of the source, or cd first")),
    Habit(
      "-z -J -a -Z --gzip --bzip2 --xz --zstd --lzma --auto-compress --use-compress-program",
      .isDefault("a source's compression is recognised; --compression is the image's")),
    Habit("-j", .hasNone("--threads sets the number of threads; archives are recognised")),
    Habit("-t --list", .use("--dry-run")),
    Habit("-x --extract --get", .means("autosquash extract")),
    Habit("-r -R --recursive", .isDefault("directories go in with all their contents")),
    Habit(
      "-u -A --append --update --concatenate --catenate",
      .hasNone(
        "an image never changes: pack again, with all sources; --reuse OLD makes that fast")),
    Habit("--same-owner --numeric-owner", .use("--ownership keep")),
    Habit("--preserve-permissions --same-permissions", .isDefault("permissions are kept")),
    Habit("--mode", .means("--chmod")),
    Habit("--sort", .isDefault("names are sorted")),
    Habit("-s --transform --xform", .use("--strip-components and --prefix to change paths")),
    Habit("-X", .means("--exclude-from")),
    Habit("--files-from --include-from", .use("--include PATTERN, once for each")),
    Habit("--exclude-vcs", .use("--exclude .git")),
    Habit("--ignore-failed-read", .means("--ignore-unreadable")),
    Habit("--absolute-names", .isDefault("paths begin at the image's root")),
    Habit("--acls --selinux", .hasNone("an image cannot hold them")),
  ]

  private static let extract = [
    Habit("-t -li -lc", .means("--list")),
    Habit("-ll -lls -llc -lln -llnumeric", .use("autosquash ls -lR IMAGE, which lists it")),
    Habit("-cat", .use("autosquash cat IMAGE PATH, which prints files")),
    Habit("-s -stat --stat", .use("autosquash info IMAGE, which describes it")),
    Habit("-i -info -v --verbose", .use("autosquash ls -R IMAGE, which lists its contents")),
    Habit("-n -no-progress --no-progress", .use("--progress never")),
    Habit("-x --extract", .isDefault("this unpacks; -f is --force here")),
    Habit("-dest -directory --dest --destination --target --output", .means("--directory")),
    Habit("-e -ef -extract-file", .hasNone("name files of the image after it: IMAGE PATH…")),
    Habit(
      "-ex -excludes -exf -exclude --exclude",
      .hasNone("name the files or patterns you want after it: IMAGE PATH…")),
    Habit("-no-xattrs --no-xattrs", .use("--xattrs none")),
    Habit("-user-xattrs", .use("--xattrs 'user.*'")),
    Habit("-ignore-errors --ignore-errors", .use("--keep-going for a damaged image")),
    Habit("-strict-errors -no-exit-code", .isDefault("errors end it, with their status")),
    Habit("-k --keep-old-files", .isDefault("existing files stay, unless --force")),
    Habit("--skip-old-files", .means("--skip-existing")),
    Habit("--overwrite", .means("--force")),
    Habit("-z -j -J --gzip --xz --zstd", .use("--to-tar NAME.tar.gz for a compressed archive")),
    Habit("-p", .means("--threads")),
    Habit("--preserve-permissions", .isDefault("permissions are kept")),
    Habit(
      "--strip-components --transform",
      .use("autosquash extract IMAGE --to-tar - | tar -x --strip-components N")),
    Habit("-r --recursive", .isDefault("directories come with all their contents")),
    Habit("-mem -data-queue -frag-queue", .isDefault("it needs little memory")),
  ]

  private static let list = [
    Habit("-A --almost-all", .means("-a")),
    Habit("-n -g -G -o --numeric-uid-gid --no-group", .use("-l; owners are numbers")),
    Habit("-lls -ll", .use("-lR")),
    Habit("-s -i --size --inode", .use("--json, or autosquash info IMAGE PATH")),
    Habit("-U -v -X", .isDefault("names are sorted by their bytes")),
    Habit("-c -u", .hasNone("a file in an image has one time: -t sorts by it")),
    Habit("--sort", .use("-t (by time) or -S (by size)")),
    Habit("-F -p -C -x -m --classify --format", .use("-l, which shows the type of each name")),
    Habit("-k --block-size", .isDefault("sizes are in bytes, or as -h shows them")),
    Habit("--color --colour", .hasNone("there are no colours")),
    Habit("--time-style", .use("--full-time")),
    Habit("--summarize --summary", .use("autosquash info IMAGE, which counts")),
  ]

  private static let cat = [
    Habit(
      "-n -b -A -e -E -s -t -T -u -v --number --show-all",
      .use("cat for that: autosquash cat IMAGE PATH | cat -n")),
    Habit("-r -R --recursive", .use("autosquash extract for directories")),
    Habit("-o --output", .use("the shell: autosquash cat IMAGE PATH > FILE")),
  ]

  private static let info = [
    Habit("-s -stat --stat -v -a --all --verbose", .isDefault("it prints all it knows")),
    Habit("-l -ll -lls --list -R -r --recursive", .use("autosquash ls -lR IMAGE")),
  ]

  private static let verify = [
    Habit("-c --check --checksum --sha256 --md5", .means("--manifest NAME.mtree")),
    Habit("--full --deep --thorough", .isDefault("every block is read, unless --quick")),
    Habit("--fast", .means("--quick")),
    Habit("-t --test --no-write --read-only", .isDefault("it only reads")),
    Habit(
      "-y -n -a --repair --fix",
      .hasNone(
        "an image cannot be repaired; autosquash extract --keep-going saves the readable part")),
    Habit("-s --stat", .use("autosquash info IMAGE")),
    Habit("-r -R --recursive", .use("names: autosquash verify *.squash")),
    Habit("--source --with --compare", .means("--against")),
  ]

  private static let diff = [
    Habit("-r -R --recursive", .isDefault("directories are compared with all their contents")),
    Habit("--brief", .isDefault("it prints only names and differences")),
    Habit(
      "-u -U -c -C -y --unified --context --side-by-side",
      .use("diff -u <(autosquash cat A PATH) <(autosquash cat B PATH) for the lines of a file")),
    Habit("-N --new-file", .isDefault("it also prints files that only one has")),
    Habit("-s --report-identical-files", .hasNone("it prints only differences")),
    Habit("-x --exclude", .hasNone("leave lines out: autosquash diff A B | grep -v PATTERN")),
    Habit(
      "-a -b -B -i -w --text --ignore-case --ignore-all-space",
      .hasNone("contents are compared byte by byte")),
    Habit("-P --no-dereference", .isDefault("links are compared, not followed")),
    Habit("--quick --fast", .hasNone("all contents are read; --ignore content compares none")),
    Habit("--checksum", .isDefault("contents are compared, not only sizes and times")),
    Habit("--no-owner --no-group", .means("--ignore owner")),
    Habit("--no-permissions --no-perms", .means("--ignore mode")),
    Habit("--size-only --no-contents", .means("--ignore content")),
    Habit("--no-times", .means("--ignore mtime")),
  ]

  private static let manifest = [
    Habit("-c --create", .isDefault("it makes a manifest")),
    Habit("-p --path", .use("the path alone: autosquash manifest IMAGE")),
    Habit(
      "-k -K --sha256 --md5", .isDefault("it has SHA-256, size, mode, owner and time of all files")),
    Habit("--check --verify", .use("autosquash verify IMAGE --manifest NAME.mtree")),
  ]

  private static let overlay = [
    Habit("-s --symbolic --symlink", .isDefault("links are symbolic")),
    Habit("-f --force", .isDefault("files in the way are replaced, as 'overlay --help' says")),
    Habit("-r -R --recursive", .isDefault("it walks all directories of the overlay")),
    Habit("-b", .means("--backup")),
    Habit("--delete", .use("autosquash overlay prune")),
  ]

  private static let setup = [
    Habit("--uninstall --purge", .means("--remove")),
    Habit("--mount --mountpoint --mount-point", .means("--mount-root")),
    Habit("--bucket --source", .means("--images")),
    Habit("-y --yes -f --force", .isDefault("it asks nothing")),
  ]
}
