// Bytes to lines of text: the one place that says what a text is, for training, evaluation and questions alike.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace polyformer::model {

/// Takes a line without its end.
using UseLine = std::function<void(const std::string& line)>;

/// Cuts bytes that come piece by piece into lines. A text is UTF-8; the mark of byte order (BOM) before it is left out.
/// Lines end in LF, CR LF or CR; tabs, vertical tabs and form feeds are spaces; spaces around a line are left out.
///
/// All throw FormatError with line, column and byte for what is no such text (UTF-16, UTF-32, Latin-1 or other bytes
/// that are no UTF-8, zeros), with what to do about it, and for a line of more than 16 MiB.
class LineReader {
  public:
    /// `name` is what messages call the text: "'FILE'".
    LineReader(std::string name, UseLine use);
    void add(std::string_view bytes);
    /// After the last byte: a line without an end is a line too.
    void finish();

  private:
    void begin();
    void end_line();
    void refuse_other_encodings(std::string_view first_bytes) const;
    void require_text() const;
    [[noreturn]] void refuse(std::size_t offset, const std::string& what) const;

    std::string name_;
    UseLine use_;
    std::string line_;            // so far
    std::size_t number_ = 1;      // of the line
    std::size_t line_begin_ = 0;  // bytes of the text before the line
    bool begun_ = false;
    bool after_cr_ = false;  // a LF that comes next belongs to it
    std::string beginning_;  // held until there is enough to tell the encoding
};

/// Calls use(line) for each line of a text in memory. Throws as LineReader does.
void for_each_line_of(std::string_view text, const std::string& name, const UseLine& use);

}  // namespace polyformer::model
