/*
 * Holds a file as another program would, until its standard input ends: with SHARE letters of what
 * others may do meanwhile (r, w, d). Excel lets others read. Prints a line once it holds it.
 *
 *     hold.exe FILE SHARE
 */
#include <stdio.h>
#include <windows.h>

int wmain(int argc, wchar_t **argv)
{
    DWORD share = 0;
    HANDLE file;

    if (argc != 3)
        return 127;
    for (const wchar_t *letter = argv[2]; *letter; letter++)
        share |= *letter == L'r' ? FILE_SHARE_READ : *letter == L'w' ? FILE_SHARE_WRITE : FILE_SHARE_DELETE;
    file = CreateFileW(argv[1], GENERIC_READ | GENERIC_WRITE, share, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        fprintf(stderr, "hold.exe: %lu\n", GetLastError());
        return 1;
    }
    puts("held");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    CloseHandle(file);
    return 0;
}
