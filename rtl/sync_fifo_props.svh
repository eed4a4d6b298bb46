// What sync_fifo promises, for scripts/prove.
//
//@ proof short induction 3 sat,pdr Depth=4 Width=2
//@ order: entries come out in the order they went in, unchanged, none lost and none twice
//@ wrong: s/mem\[read_ptr_q\]/mem[read_ptr_q ^ (full_q ? 1 : 0)]/
//@ bounds: never more than Depth entries, and ready and valid say exactly whether there is room and an entry
//@ wrong: s/CountW'\(Depth - 1\)/CountW'(Depth)/

// The queue as a shift register: entry 0 is the oldest.
logic [Depth*Width-1:0] fv_queue_q, fv_queue_d;
logic [CountW-1:0] fv_count_q, fv_count_d;
always_comb begin
  fv_queue_d = fv_queue_q;
  fv_count_d = fv_count_q;
  if (out_valid_o && out_ready_i) begin
    fv_queue_d = fv_queue_d >> Width;
    fv_count_d = fv_count_d - 1'b1;
  end
  if (in_valid_i && in_ready_o) begin
    for (int unsigned i = 0; i < Depth; i++) begin
      if (fv_count_d == CountW'(i)) fv_queue_d[i*Width +: Width] = in_data_i;
    end
    fv_count_d = fv_count_d + 1'b1;
  end
end
always_ff @(posedge clk_i) begin
  fv_queue_q <= fv_queue_d;
  fv_count_q <= rst_i ? '0 : fv_count_d;
end

// Where the memory holds what the shift register holds
logic [Depth-1:0] fv_same;
logic [PtrW-1:0] fv_row;
always_comb begin
  for (int unsigned i = 0; i < Depth; i++) begin
    fv_row = read_ptr_q + PtrW'(i);
    fv_same[i] = CountW'(i) >= fv_count_q || mem[fv_row] == fv_queue_q[i*Width +: Width];
  end
end

always_comb begin
  if (fv_run_q) begin
    order: assert (!out_valid_o || out_data_o == fv_queue_q[Width-1:0]);
    bounds: assert (fv_count_q <= CountW'(Depth) && count_o == fv_count_q &&
                    in_ready_o == (fv_count_q != CountW'(Depth)) &&
                    out_valid_o == (fv_count_q != '0));
    assert (&fv_same);
    assert (fv_count_q[PtrW-1:0] == PtrW'(write_ptr_q - read_ptr_q));
  end
end
