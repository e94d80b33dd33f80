#include "polyformer/model/pixels/jpeg_image.h"

#include <csetjmp>
#include <cstdio>
// After the two above, which it needs.
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "polyformer/model/pixels/image_limits.h"
#include "polyformer/model/pixels/image_orientation.h"
#include "polyformer/support/error.h"

namespace polyformer::model {
namespace {

constexpr int most_scans = 500;  // a progressive file of a few kilobytes could ask for thousands

/// libjpeg reports errors by a function that must not return. It is C, through which no exception may pass: we jump to
/// where the library was entered, in the two functions below, which hold nothing that would have to be destroyed.
class Decoder {
  public:
    explicit Decoder(std::span<const std::byte> bytes) : bytes_(bytes) {
        info_.err = jpeg_std_error(&errors_);
        info_.client_data = this;
        errors_.error_exit = [](j_common_ptr info) { stop(info); };
        errors_.output_message = [](j_common_ptr) {};
        errors_.emit_message = [](j_common_ptr info, int level) { note(info, level); };
        progress_.progress_monitor = [](j_common_ptr info) { watch(info); };
    }
    ~Decoder() { jpeg_destroy_decompress(&info_); }
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;
    Decoder(Decoder&&) = delete;
    Decoder& operator=(Decoder&&) = delete;

    /// Size and colours; false when the library gave up.
    bool read_header() {
        if (setjmp(stopped_) != 0) return false;  // NOLINT(cert-err52-cpp): see above
        jpeg_create_decompress(&info_);
        info_.progress = &progress_;
        jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
        jpeg_read_header(&info_, TRUE);
        return true;
    }

    /// Rows of 3 · width values; false when the library gave up.
    bool read_rows(std::span<std::uint8_t> values) {
        if (setjmp(stopped_) != 0) return false;  // NOLINT(cert-err52-cpp): see above
        info_.out_color_space = JCS_RGB;
        jpeg_start_decompress(&info_);
        while (info_.output_scanline < info_.output_height) {
            JSAMPROW row = &values[std::size_t{3} * info_.output_width * info_.output_scanline];
            jpeg_read_scanlines(&info_, &row, 1);
        }
        jpeg_finish_decompress(&info_);
        return true;
    }

    std::size_t height() const { return info_.image_height; }
    std::size_t width() const { return info_.image_width; }
    J_COLOR_SPACE colours() const { return info_.jpeg_color_space; }

    /// Whether it gave up on a kind of file that it does not read, rather than on a damaged one.
    bool is_unsupported() const {
        constexpr std::array kinds = {JERR_ARITH_NOTIMPL,        JERR_BAD_PRECISION,  JERR_CCIR601_NOTIMPL,
                                      JERR_CONVERSION_NOTIMPL,   JERR_NOTIMPL,        JERR_NOT_COMPILED,
                                      JERR_FRACT_SAMPLE_NOTIMPL, JERR_SOF_UNSUPPORTED};
        return std::ranges::find(kinds, code_) != kinds.end();
    }
    const char* message() const { return message_.data(); }

  private:
    static Decoder& of(j_common_ptr info) { return *static_cast<Decoder*>(info->client_data); }

    [[noreturn]] static void stop(j_common_ptr info) {
        Decoder& decoder = of(info);
        decoder.code_ = info->err->msg_code;
        info->err->format_message(info, decoder.message_.data());
        longjmp(decoder.stopped_, 1);  // NOLINT(cert-err52-cpp): see above
    }

    /// A file cut short is only a warning to libjpeg, its missing part grey. What says nothing about the pixels passes.
    static void note(j_common_ptr info, int level) {
        const int code = info->err->msg_code;
        if (level < 0 && code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM) stop(info);
    }

    static void watch(j_common_ptr info) {
        if (info->is_decompressor == 0) return;
        const auto* decompressor = reinterpret_cast<j_decompress_ptr>(info);
        if (decompressor->input_scan_number <= most_scans) return;
        Decoder& decoder = of(info);
        std::snprintf(decoder.message_.data(), decoder.message_.size(), "more than %d scans", most_scans);
        longjmp(decoder.stopped_, 1);  // NOLINT(cert-err52-cpp): see above
    }

    std::span<const std::byte> bytes_;
    jpeg_decompress_struct info_{};
    jpeg_error_mgr errors_{};
    jpeg_progress_mgr progress_{};
    std::jmp_buf stopped_{};
    std::array<char, JMSG_LENGTH_MAX> message_{};
    int code_ = 0;
};

void require_read(bool succeeded, const Decoder& jpeg, const std::string& label) {
    if (succeeded) return;
    require<FormatError>(!jpeg.is_unsupported(),
                         "{} is a JPEG file of a kind that is not read here ({}): save it as an ordinary JPEG or a PNG",
                         label, jpeg.message());
    fail<FormatError>("{} is a damaged JPEG file ({}): save or fetch it again", label, jpeg.message());
}

}  // namespace

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& label) {
    Decoder jpeg(bytes);
    require_read(jpeg.read_header(), jpeg, label);
    require<FormatError>(jpeg.colours() != JCS_CMYK && jpeg.colours() != JCS_YCCK,
                         "{} is a JPEG file in CMYK, the colours of printing: save it as RGB", label);
    require_size(jpeg.height(), jpeg.width(), label);
    Image image{.height = jpeg.height(), .width = jpeg.width(), .values = {}};
    image.values.resize(image.height * image.width * 3);
    require_read(jpeg.read_rows(image.values), jpeg, label);
    return upright(std::move(image), exif_orientation(bytes));
}

}  // namespace polyformer::model
