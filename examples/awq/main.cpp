// SPDX-License-Identifier: MIT
// The program itself is the shared library; the loader picks the build for this processor.
int awq_driver_main(int argc, char** argv);

int main(int argc, char** argv)
{
    return awq_driver_main(argc, argv);
}
