#include "polyformer/model/language/lines.h"

#include <algorithm>
#include <array>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 24;
constexpr std::size_t kTellingBytes = 4096;  // enough to tell an encoding

constexpr std::string_view kMark = "\xef\xbb\xbf";

/// The name that iconv has for an encoding of wider units; empty for what is none. Texts mostly of ASCII have zeros at
/// some places of each unit and at no others.
std::string_view wide_encoding(std::string_view bytes) {
    using namespace std::string_view_literals;
    if (bytes.starts_with("\xff\xfe\0\0"sv)) return "utf-32";
    if (bytes.starts_with("\0\0\xfe\xff"sv)) return "utf-32";
    if (bytes.starts_with("\xff\xfe"sv) || bytes.starts_with("\xfe\xff"sv)) return "utf-16";
    std::array<std::size_t, 4> zeros{};
    for (std::size_t i = 0; i < bytes.size(); ++i) zeros[i % 4] += bytes[i] == '\0' ? 1 : 0;
    const std::size_t even = zeros[0] + zeros[2];
    const std::size_t odd = zeros[1] + zeros[3];
    if (even + odd < 2) return {};
    if (zeros[0] == 0 && zeros[1] > 0 && zeros[2] > 0 && zeros[3] > 0) return "utf-32le";
    if (zeros[3] == 0 && zeros[0] > 0 && zeros[1] > 0 && zeros[2] > 0) return "utf-32be";
    if (even == 0) return "utf-16le";
    if (odd == 0) return "utf-16be";
    return {};
}

std::string trimmed(std::string_view line) {
    const std::size_t first = line.find_first_not_of(' ');
    const std::size_t last = line.find_last_not_of(' ');
    return first == std::string_view::npos ? std::string() : std::string(line.substr(first, last - first + 1));
}

bool is_space(char c) {
    return c == '\t' || c == '\v' || c == '\f';
}

}  // namespace

LineReader::LineReader(std::string name, UseLine use) : name_(std::move(name)), use_(std::move(use)) {}

void LineReader::add(std::string_view bytes) {
    if (!begun_) {
        beginning_ += bytes;
        if (beginning_.size() >= kTellingBytes) begin();
        return;
    }
    while (!bytes.empty()) {
        if (after_cr_ && bytes.front() == '\n') {
            bytes.remove_prefix(1);
            ++line_begin_;
        }
        after_cr_ = false;
        const std::size_t end = bytes.find_first_of("\r\n");
        line_ += bytes.substr(0, end);
        require<FormatError>(line_.size() <= kLongestLine,
                             "{}: line {} has more than {} bytes: is this a text? If so, break its lines", name_,
                             number_, kLongestLine);
        if (end == std::string_view::npos) return;
        after_cr_ = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
        end_line();
    }
}

void LineReader::finish() {
    if (!begun_) begin();
    if (!line_.empty()) end_line();
}

void LineReader::begin() {
    begun_ = true;
    const std::string beginning = std::exchange(beginning_, {});
    refuse_other_encodings(beginning);
    if (beginning.starts_with(kMark)) line_begin_ = kMark.size();
    add(std::string_view(beginning).substr(line_begin_));
}

void LineReader::end_line() {
    require_text();
    line_begin_ += line_.size() + 1;
    ++number_;
    std::ranges::replace_if(line_, is_space, ' ');
    use_(trimmed(line_));
    line_.clear();
}

void LineReader::refuse_other_encodings(std::string_view first_bytes) const {
    const std::string_view encoding = wide_encoding(first_bytes.substr(0, kTellingBytes));
    require<FormatError>(encoding.empty(),
                         "{} looks like {}; texts are read as UTF-8: convert it with 'iconv -f {} -t utf-8'", name_,
                         encoding, encoding);
}

void LineReader::require_text() const {
    const std::size_t invalid = find_invalid_utf8(line_);
    const std::size_t zero = std::min(line_.find('\0'), line_.size());
    if (zero < invalid)
        refuse(zero, "is 0, which no text holds: is this a text? If so, remove it with \"tr -d '\\000'\"");
    if (invalid < line_.size()) {
        refuse(invalid,
               fmt::format("(0x{:02x}) is not UTF-8: convert the text with 'iconv -f latin1 -t utf-8', or from "
                           "the encoding that it has",
                           static_cast<unsigned char>(line_[invalid])));
    }
}

void LineReader::refuse(std::size_t offset, const std::string& what) const {
    fail<FormatError>("{}: line {}, column {}: byte {} {}", name_, number_,
                      count_characters(std::string_view(line_).substr(0, offset)) + 1, line_begin_ + offset, what);
}

void for_each_line_of(std::string_view text, const std::string& name, const UseLine& use) {
    LineReader reader(name, use);
    reader.add(text);
    reader.finish();
}

}  // namespace polyformer::model
