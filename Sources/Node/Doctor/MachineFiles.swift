import Foundation

/// Why a file told nothing: it is not there, may not be read, or does not say what it should.
struct Unreadable: Error, Equatable, Sendable {
  var source: String
  var reason: String
}

/// The files in which a machine describes itself, below a root that tests replace.
///
/// Nothing in them is believed: reading is bounded, and what cannot be understood is an error that
/// says so.
struct MachineFiles: Sendable {
  static let bytesMax = 1 << 20

  /// Empty: the machine's own.
  var root = ""

  /// Whether there is such a file or directory.
  func exists(_ path: String) -> Bool { access(root + path, F_OK) == 0 }

  /// The whole file, as bytes: `/dev/cpu_dma_latency` is not text.
  func bytes(_ path: String) throws(Unreadable) -> [UInt8] {
    guard let file = fopen(root + path, "r") else { throw failure(path, errno) }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    var count = 0
    while true {
      let got = fread(&bytes[count], 1, bytes.count - count, file)
      if got == 0 {
        if ferror(file) != 0 { throw failure(path, errno) }
        break
      }
      count += got
      if count == bytes.count {
        guard count < Self.bytesMax else {
          throw Unreadable(source: path, reason: "longer than \(Self.bytesMax) bytes")
        }
        bytes += [UInt8](repeating: 0, count: count)
      }
    }
    return Array(bytes[..<count])
  }

  /// The whole file, without the line end at its end.
  func text(_ path: String) throws(Unreadable) -> String {
    let text = String(decoding: try bytes(path), as: UTF8.self)
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  func integer(_ path: String) throws(Unreadable) -> Int {
    let text = try text(path)
    guard let value = Int(text) else { throw misunderstood(path, text) }
    return value
  }

  /// Processors as the kernel lists them; none for an empty file and for `(null)`.
  func processors(_ path: String) throws(Unreadable) -> [Int] {
    let text = try text(path)
    guard let list = ProcessorList.parse(text) else { throw misunderstood(path, text) }
    return list
  }

  /// The choice in brackets of `always [madvise] never`.
  func choice(_ path: String) throws(Unreadable) -> String {
    let text = try text(path)
    guard let open = text.firstIndex(of: "["), let close = text[open...].firstIndex(of: "]"),
      text.index(after: open) < close
    else { throw misunderstood(path, text) }
    return String(text[text.index(after: open)..<close])
  }

  /// What stands behind `key` and a colon or blanks at the beginning of a line.
  func field(_ key: String, of path: String) throws(Unreadable) -> String {
    for line in try text(path).split(separator: "\n") where line.hasPrefix(key) {
      let rest = line.dropFirst(key.count).drop { $0 == " " || $0 == "\t" }
      if rest.first == ":" {
        return rest.dropFirst().trimmingCharacters(in: .whitespaces)
      }
    }
    throw Unreadable(source: path, reason: "has no line '\(key)'")
  }

  /// The names in a directory, sorted.
  func names(_ path: String) throws(Unreadable) -> [String] {
    guard let directory = opendir(root + path) else { throw failure(path, errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The error for content that is not what the file should have; what it says is cut and cleaned.
  func misunderstood(_ path: String, _ text: String) -> Unreadable {
    let shown = String(
      text.unicodeScalars.prefix(40).map { (32...126).contains($0.value) ? Character($0) : "?" })
    return Unreadable(source: path, reason: "not understood: '\(shown)'")
  }

  private func failure(_ path: String, _ code: Int32) -> Unreadable {
    Unreadable(
      source: path,
      reason: code == ENOENT ? "not there" : "cannot be read: \(String(cString: strerror(code)))")
  }
}

/// Processors as the kernel writes them: `0-3,8,10-14:2`.
enum ProcessorList {
  /// As many as the kernel supports.
  static let most = 8_192

  /// Ascending; nil when it is not such a list. `last` is what `N` stands for, and the end of `all`.
  static func parse(_ text: String, last: Int? = nil) -> [Int]? {
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
    if text.isEmpty || text == "(null)" { return [] }
    if text == "all" { return last.map { Array(0...$0) } }
    var found: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let stepped = part.split(separator: ":", maxSplits: 1)
      guard let span = stepped.first else { return nil }
      let ends = span.split(separator: "-", omittingEmptySubsequences: false)
        .map { $0 == "N" ? last : Int($0) }
      guard (1...2).contains(ends.count), let first = ends[0], let end = ends[ends.count - 1],
        first >= 0, first <= end, end < most
      else { return nil }
      var used = 1
      var group = 1
      if stepped.count == 2 {
        // `used/group`: of each group so many are meant.
        let ratio = stepped[1].split(separator: "/").map { Int($0) }
        guard ratio.count == 2, let a = ratio[0], let b = ratio[1], a > 0, b >= a, b <= most
        else { return nil }
        (used, group) = (a, b)
      }
      for processor in first...end where (processor - first) % group < used {
        found.insert(processor)
      }
    }
    return found.sorted()
  }

  /// `0-3,8`; a dash for none.
  static func text(_ processors: some Collection<Int>) -> String {
    var parts: [String] = []
    var rest = Set(processors).sorted()[...]
    while let first = rest.popFirst() {
      var end = first
      while rest.first == end + 1 { end = rest.removeFirst() }
      parts.append(first == end ? "\(first)" : "\(first)-\(end)")
    }
    return parts.isEmpty ? "-" : parts.joined(separator: ",")
  }
}
