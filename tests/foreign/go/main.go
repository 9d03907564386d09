// Checks notes, proofs and tiles with Go's sumdb/note and tlog: a second opinion on what this project writes.
// Reads one JSON document on standard input, writes one on standard output. Only the tests run it.
package main

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type cosigner struct {
	Name   string `json:"name"`
	KeyID  uint32 `json:"key_id"`
	Public []byte `json:"public"`
}

type noteCase struct {
	Note      string     `json:"note"`
	Vkeys     []string   `json:"vkeys"`
	Cosigners []cosigner `json:"cosigners"`
}

type inclusion struct {
	Leaf  []byte   `json:"leaf"`
	Index int64    `json:"index"`
	Size  int64    `json:"size"`
	Root  []byte   `json:"root"`
	Proof [][]byte `json:"proof"`
}

type consistency struct {
	Size1 int64    `json:"size1"`
	Root1 []byte   `json:"root1"`
	Size2 int64    `json:"size2"`
	Root2 []byte   `json:"root2"`
	Proof [][]byte `json:"proof"`
}

type input struct {
	Notes       []noteCase        `json:"notes"`
	Inclusion   []inclusion       `json:"inclusion"`
	Consistency []consistency     `json:"consistency"`
	Tiles       map[string][]byte `json:"tiles"`
	Vkey        string            `json:"vkey"`
}

type output struct {
	Notes       [][]string `json:"notes"` // names whose signatures hold; null if the note is refused
	Inclusion   []bool     `json:"inclusion"`
	Consistency []bool     `json:"consistency"`
	Leaves      [][]byte   `json:"leaves"` // every leaf of the tiles, each proven under their checkpoint
	Problem     string     `json:"problem"`
}

// Name, KeyHash and Verify make a cosigner a note.Verifier, with the signed text of tlog-cosignature.
type cosignatures struct{ cosigner }

func (c cosignatures) Name() string    { return c.cosigner.Name }
func (c cosignatures) KeyHash() uint32 { return c.KeyID }
func (c cosignatures) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	seconds := binary.BigEndian.Uint64(signature[:8])
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", seconds, text)
	return ed25519.Verify(c.Public, []byte(signed), signature[8:])
}

func opened(c noteCase) (*note.Note, error) {
	var known []note.Verifier
	for _, vkey := range c.Vkeys {
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, err
		}
		known = append(known, verifier)
	}
	for _, one := range c.Cosigners {
		known = append(known, cosignatures{one})
	}
	return note.Open([]byte(c.Note), note.VerifierList(known...))
}

func names(c noteCase) []string {
	found, err := opened(c)
	if err != nil {
		return nil
	}
	names := []string{}
	for _, signature := range found.Sigs {
		names = append(names, signature.Name)
	}
	return names
}

func hash(data []byte) (h tlog.Hash) {
	copy(h[:], data)
	return h
}

func hashes(list [][]byte) []tlog.Hash {
	made := []tlog.Hash{}
	for _, data := range list {
		made = append(made, hash(data))
	}
	return made
}

// files serves an export's tiles under the paths that tlog knows, which carry the height.
type files map[string][]byte

func (files) Height() int                     { return 8 }
func (files) SaveTiles([]tlog.Tile, [][]byte) {}
func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		path := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		data, there := f[path]
		if !there {
			return nil, errors.New("no " + path)
		}
		read = append(read, data)
	}
	return read, nil
}

func head(text string) (tree tlog.Tree, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return tree, errors.New("not a checkpoint")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

func entries(f files, size int64) (list [][]byte, err error) {
	for n := int64(0); n*256 < size; n++ {
		width := size - n*256
		if width > 256 {
			width = 256
		}
		path := tlog.Tile{H: 8, L: -1, N: n, W: int(width)}.Path()
		data := f["tile/entries/"+strings.TrimPrefix(path, "tile/8/data/")]
		for len(data) > 0 {
			length := int(binary.BigEndian.Uint16(data))
			if len(data) < 2+length {
				return nil, errors.New("an entry is cut off")
			}
			list, data = append(list, data[2:2+length]), data[2+length:]
		}
	}
	if int64(len(list)) != size {
		return nil, fmt.Errorf("%d entries for %d leaves", len(list), size)
	}
	return list, nil
}

func proven(f files, vkey string) ([][]byte, error) {
	found, err := opened(noteCase{Note: string(f["checkpoint"]), Vkeys: []string{vkey}})
	if err != nil {
		return nil, err
	}
	tree, err := head(found.Text)
	if err != nil {
		return nil, err
	}
	list, err := entries(f, tree.N)
	if err != nil {
		return nil, err
	}
	reader := tlog.TileHashReader(tree, f)
	for index, leaf := range list {
		proof, err := tlog.ProveRecord(tree.N, int64(index), reader)
		if err != nil {
			return nil, err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(index), tlog.RecordHash(leaf)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func main() {
	var in input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	var out output
	for _, c := range in.Notes {
		out.Notes = append(out.Notes, names(c))
	}
	for _, c := range in.Inclusion {
		err := tlog.CheckRecord(hashes(c.Proof), c.Size, hash(c.Root), c.Index, tlog.RecordHash(c.Leaf))
		out.Inclusion = append(out.Inclusion, err == nil)
	}
	for _, c := range in.Consistency {
		err := tlog.CheckTree(hashes(c.Proof), c.Size2, hash(c.Root2), c.Size1, hash(c.Root1))
		out.Consistency = append(out.Consistency, err == nil)
	}
	if in.Tiles != nil {
		var err error
		if out.Leaves, err = proven(in.Tiles, in.Vkey); err != nil {
			out.Problem = err.Error()
		}
	}
	json.NewEncoder(os.Stdout).Encode(out)
}
