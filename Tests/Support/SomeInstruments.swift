import Foundation

/// An instruments file for a run that finds no exchange, or one that names no symbol.
package enum SomeInstruments {
  /// Writes it into a directory; its path.
  package static func write(in directory: String) throws -> String {
    let file = directory + "/instruments.csv"
    try """
    symbol,tick,round lot,previous close,average volume,shortable,Reg SHO,trading state,session date
    QAAAZ,0.01,100,100,1000000,yes,0,T,2020-01-02

    """.write(toFile: file, atomically: true, encoding: .utf8)
    return file
  }
}
