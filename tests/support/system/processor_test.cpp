#include "polyformer/support/system/processor.h"

#include <gtest/gtest.h>

namespace polyformer {
namespace {

TEST(Processor, ProcessorsOfOneNameAreToldApart) {
    const char* const x86 =
        "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n"
        "stepping\t: 1\n\nprocessor\t: 1\nmodel name\t: another\n";
    EXPECT_EQ(processor_name(x86), "AMD EPYC (cpu family 26, model 2, stepping 1)");
    EXPECT_EQ(processor_name("processor : 0\nCPU implementer\t: 0x41\nCPU variant : 0x3\nCPU part\t: 0xd0c\n"),
              "processor (CPU implementer 0x41, CPU part 0xd0c, CPU variant 0x3)");
}

TEST(Processor, NamesAreWhatFilesTake) {
    EXPECT_EQ(processor_name(""), "unknown processor");
    EXPECT_EQ(processor_name("no colon\n:\nmodel name:\n"), "unknown processor");
    EXPECT_EQ(processor_name("model name : a\x1b[2Jb\xc3\xa9"), "a?[2Jb??");
    EXPECT_EQ(processor_name("model name : " + std::string(1000, 'x')).size(), 120U);
    EXPECT_FALSE(processor_name().empty());
}

}  // namespace
}  // namespace polyformer
